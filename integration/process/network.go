package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Network is a network of three machines in a row: this one, a router, and one at the far end. The router can lose some of what passes
// it, as a bad cable does: whole packets, and who sent them is not told. Both others are network namespaces that end with the test.
//
// All that it takes from this machine is one interface and eight addresses of 10.203.0.0/16.
type Network struct {
	Near string // address of this machine, where a server can listen
	Far  string // address at the far end

	link, router, far string // the interface here and the namespaces
}

// NewNetwork lays a network that loses nothing. It needs root's rights, ip (of iproute2) and nft (of nftables).
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	needs(t, "ip", "nft")
	for range 100 {
		a, b := rand.IntN(256), 8*rand.IntN(32)
		n := &Network{
			Near: address(a, b+1), Far: address(a, b+6),
			link: fmt.Sprintf("tf%d-%d", a, b), router: fmt.Sprintf("tf%d-%d-router", a, b), far: fmt.Sprintf("tf%d-%d-far", a, b),
		}
		if exec.Command("ip", "netns", "add", n.router).Run() != nil {
			continue // another test's
		}
		t.Cleanup(func() { n.remove(t) })
		n.lay(t, address(a, b+2), address(a, b+5))
		return n
	}
	lacks(t, "network namespaces cannot be made here")
	return nil
}

func address(a, b int) string { return net.IPv4(10, 203, byte(a), byte(b)).String() }

// lay joins the machines. Near and far are the router's addresses.
func (n *Network) lay(t testing.TB, near, far string) {
	t.Helper()
	for _, command := range []string{
		"netns add " + n.far,
		"link add " + n.link + " type veth peer name near netns " + n.router,
		"address add " + n.Near + "/30 dev " + n.link,
		"link set " + n.link + " up",
		"-n " + n.router + " address add " + near + "/30 dev near",
		"-n " + n.router + " link set near up",
		"-n " + n.router + " link add far type veth peer name near netns " + n.far,
		"-n " + n.router + " address add " + far + "/30 dev far",
		"-n " + n.router + " link set far up",
		"-n " + n.far + " link set lo up",
		"-n " + n.far + " address add " + n.Far + "/30 dev near",
		"-n " + n.far + " link set near up",
		"-n " + n.far + " route add default via " + far,
		"route add " + n.Far + " via " + near,
		"netns exec " + n.router + " sysctl -q -w net.ipv4.ip_forward=1",
	} {
		run(t, "", "ip", strings.Fields(command)...)
	}
}

// remove takes everything back, as much of it as there is.
func (n *Network) remove(t testing.TB) {
	for _, command := range [][]string{{"link", "delete", n.link}, {"netns", "delete", n.far}, {"netns", "delete", n.router}} {
		if out, err := exec.Command("ip", command...).CombinedOutput(); err != nil && !t.Failed() {
			t.Errorf("ip %s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
}

// join has a command run at the far end; nil: here.
func (n *Network) join(cmd *exec.Cmd) {
	if n == nil {
		return
	}
	ip, err := exec.LookPath("ip")
	if err != nil {
		cmd.Err = err
		return
	}
	cmd.Path, cmd.Args = ip, append([]string{"ip", "netns", "exec", n.far, cmd.Path}, cmd.Args[1:]...)
}

// Lose has the router lose so many of a hundred packets between a TCP port of this machine and the far end, in each direction, from now
// on. What goes to other ports it leaves alone.
func (n *Network) Lose(t testing.TB, port, toNear, toFar int) {
	t.Helper()
	run(t, fmt.Sprintf(`
table ip loss
delete table ip loss
table ip loss {
	counter near { }
	counter far { }
	chain forward {
		type filter hook forward priority 0
		ip saddr %s tcp dport %d %s counter name near drop
		ip daddr %s tcp sport %d %s counter name far drop
	}
}`, n.Far, port, share(toNear), n.Far, port, share(toFar)), "ip", "netns", "exec", n.router, "nft", "-f", "-")
}

// share matches so many of a hundred packets. The language knows no condition that never holds, or always.
func share(percent int) string {
	switch {
	case percent <= 0:
		return "meta length 0"
	case percent >= 100:
		return ""
	}
	return fmt.Sprintf("numgen random mod 100 < %d", percent)
}

// Lost returns how many packets the router has lost in each direction since [Network.Lose] was called last.
func (n *Network) Lost(t testing.TB) (toNear, toFar int) {
	t.Helper()
	return n.counted(t, "near"), n.counted(t, "far")
}

var packets = regexp.MustCompile(`packets (\d+)`)

func (n *Network) counted(t testing.TB, counter string) int {
	t.Helper()
	out := run(t, "", "ip", "netns", "exec", n.router, "nft", "list", "counter", "ip", "loss", counter)
	found := packets.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("process: nft lists the counter %s as %q", counter, out)
	}
	count, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatalf("process: %v", err)
	}
	return count
}

// run runs a program to its end and returns what it said.
func run(t testing.TB, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("process: %s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}
