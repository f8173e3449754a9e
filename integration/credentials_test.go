package integration

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"trackerfleet/integration/process"
)

// TestChangedPasswordsMoveNothing changes the password of every worker at the server, under load, and later the workers' files: they
// stay, are not ready and say why, without a flood of it, and go on by themselves with what they had.
func TestChangedPasswordsMoveNothing(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	k := newKnown(t, "w-1", "w-2")
	l := newLoad(k.client, "password")
	const lasting = 20
	stop := l.spawnLasting(t, lasting)
	trackers, moves := l.lasting(t, lasting), metrics(t, k.workers, "partition_moves_total")
	refused := 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		k.change(t, k.workers, func(u *user) { u.password = "second" })
		awaitUnready(t, "authorization violation", k.workers...)
		hold(t, 3*shortLease)
		for _, w := range k.workers {
			refused += w.Said("nats refuses the connection")
			k.write(t, w.Name)
		}
		awaitReady(t, k.workers...)
		l.awaitMore(t, 50)
	})
	if refused > 20 {
		t.Errorf("the same refusal was logged %d times", refused)
	}
	if got := l.lasting(t, lasting); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, k.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over though nobody could be reached", got-moves)
	}
	stop()
	stayed(t, k.workers...)
	t.Log(l.judge(t, map[string]int{"refusal": refused}))
}

// TestOneWithoutPermissionIsTakenOver takes one worker's right to write events: as the other may, it steps aside, and comes back for
// its share when it has the right again.
func TestOneWithoutPermissionIsTakenOver(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	k := newKnown(t, "w-1", "w-2")
	l := newLoad(k.client, "unfit")
	stop := l.spawnLasting(t, 40)
	unready := 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		k.change(t, k.workers[:1], func(u *user) { u.noPublish = "tracker.events.>" })
		awaitUnready(t, "publish to tracker.events.", k.workers[0])
		unready++
		process.Await(t, patience, func() error { return k.ownsAll("w-2") })
		l.lasting(t, 40)
		l.awaitMore(t, 50)
		k.change(t, k.workers[:1], func(u *user) { u.noPublish = "" })
		k.awaitShared(t, k.workers...)
		l.awaitMore(t, 50)
	})
	stop()
	stayed(t, k.workers...)
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "unready": unready}))
}

// TestRemovedUserIsTakenOverAndComesBack takes one worker's user away, and another's right to send heartbeats: the third serves
// everything, and both get their share back when they may again.
func TestRemovedUserIsTakenOverAndComesBack(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	k := newKnown(t, "w-1", "w-2", "w-3")
	l := newLoad(k.client, "user")
	stop := l.spawnLasting(t, 40)
	struck, unready := k.workers[:2], 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		removed := maps.Clone(k.users)
		delete(removed, struck[0].Name)
		k.server.Reload(t, removed.text())
		awaitUnready(t, "authorization violation", struck[0])
		process.Await(t, patience, func() error { return k.without(struck[0].Name) })
		removed[struck[1].Name] = user{password: k.users[struck[1].Name].password, noPublish: "tracker.fleet.heartbeat.>"}
		k.server.Reload(t, removed.text())
		awaitUnready(t, "publish to tracker.fleet.heartbeat.w-2", struck[1])
		process.Await(t, patience, func() error { return k.ownsAll("w-3") })
		unready = len(struck)
		l.awaitMore(t, 50)
		k.server.Reload(t, k.users.text())
		k.awaitShared(t, k.workers...)
		l.awaitMore(t, 50)
	})
	stop()
	stayed(t, k.workers...)
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "unready": unready}))
}

// operated is a server whose users are those that an operator has signed for, and who signs.
type operated struct {
	server  *process.Server
	account nkeys.KeyPair
}

func startOperated(t *testing.T) *operated {
	t.Helper()
	operator, system, account := newKey(t, nkeys.CreateOperator), newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateAccount)
	root := jwt.NewOperatorClaims(public(t, operator))
	root.SystemAccount = public(t, system)
	tracker := jwt.NewAccountClaims(public(t, account))
	tracker.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit,
	}
	return &operated{account: account, server: process.StartConfigured(t, fmt.Sprintf(
		"operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }\n",
		signed(t, root, operator), public(t, system),
		public(t, system), signed(t, jwt.NewAccountClaims(public(t, system)), operator), public(t, account), signed(t, tracker, operator),
	))}
}

// write writes credentials into a file that expire after a while, 0: never.
func (o *operated) write(t *testing.T, file string, expire time.Duration) {
	t.Helper()
	pair := newKey(t, nkeys.CreateUser)
	claims := jwt.NewUserClaims(public(t, pair))
	if expire > 0 {
		claims.Expires = time.Now().Add(expire).Unix()
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(signed(t, claims, o.account), seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signed(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	text, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestExpiredCredentialsAreRenewedInPlace gives every worker credentials that expire within seconds, under load: they are not ready
// and say why, and go on by themselves with what they had once the file holds others.
func TestExpiredCredentialsAreRenewedInPlace(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	o := startOperated(t)
	dir := t.TempDir()
	mine, theirs := dir+"/tester.creds", dir+"/workers.creds"
	o.write(t, mine, 0)
	o.write(t, theirs, 0)
	f := &fleet{server: o.server}
	f.client = newClient(t, f.server.Connect(t, nats.UserCredentials(mine)))
	p := process.StartProxy(t, strings.TrimPrefix(f.server.URL, "nats://"))
	for _, name := range []string{"w-1", "w-2"} {
		config := f.leasedConfig(name)
		config.Server, config.Env = "nats://"+p.Address, []string{"TRACKER_CREDS=" + theirs}
		f.workers = append(f.workers, process.LaunchWorker(t, config))
	}
	for _, w := range f.workers {
		w.AwaitReady(t)
	}
	f.awaitShared(t, f.workers...)
	l := newLoad(f.client, "expired")
	stop := l.spawnLasting(t, 20)
	trackers, moves := l.lasting(t, 20), metrics(t, f.workers, "partition_moves_total")
	refused := 0
	l.pour(t, 10*time.Millisecond, func() {
		o.write(t, theirs, 2*time.Second)
		p.Cut() // so that they are read
		p.Heal()
		awaitUnready(t, "auth", f.workers...)
		hold(t, shortLease)
		for _, w := range f.workers {
			refused += w.Said("nats refuses the connection")
		}
		o.write(t, theirs, 0)
		awaitReady(t, f.workers...)
		l.awaitMore(t, 50)
	})
	if got := l.lasting(t, 20); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over though nobody could be reached", got-moves)
	}
	stop()
	stayed(t, f.workers...)
	t.Log(l.judge(t, map[string]int{"refusal": refused}))
}
