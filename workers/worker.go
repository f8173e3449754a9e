package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// Worker is one member of the fleet. Make one with [New], then Start it once and Stop it once.
type Worker struct {
	cfg         Config
	incarnation string // this life of the worker; another one after each start
	log         *zap.Logger
	nc          *nats.Conn
	pulseNC     *nats.Conn
	js          jetstream.JetStream

	records  *bus.Records
	claims   *bus.Claims
	journal  *bus.Journal
	pulse    *bus.Pulse
	profiles map[string]*profile

	profileList []*profile // the same, by their indexes

	trackers    *supervision.Supervisor
	names       *registry.Owners[string, supervision.Child]
	system      *supervision.Supervisor // sources and loops
	trackerType *supervision.ChildType

	partitions [bus.Partitions]*partition
	owners     ownerTable
	clock      clock
	deadlines  *deadlines
	starts     startTable
	refreshes  refreshes
	finished   *backlog[*cell] // to be stopped for good
	rousing    *rousing        // by what sources say
	stepping   *backlog[*cell] // to be stepped for a server that does not run
	spawning   *backlog[*attempt]
	fenced     pending[bus.Holding] // epochs that the stream has refused
	stalled    pending[*cell]       // cells that wait for their partition to be owned again
	ownKick    chan struct{}        // 1: ownership has something to look at
	scanning   chan struct{}        // one per page of a list that is being made
	closings   atomic.Uint64        // watches that were closed for trackers without a server

	service  service
	pump     pumpState
	stats    counters
	watch    watchdog
	ground   footing
	draining atomic.Bool
	frozen   atomic.Bool // since the own heartbeat was not heard, until the partitions are claimed again
	settled  atomic.Bool // has listened to heartbeats for a lease
	freeze   atomic.Bool // set by tests: as if the own heartbeat was not heard

	lifeMu   sync.Mutex
	abort    context.CancelCauseFunc // ends Start; nil before it
	stopped  bool
	begun    chan struct{} // closed when Start has done what it could
	stopOnce sync.Once
	stopErr  error

	cancel  context.CancelCauseFunc // ends owning, and what runs for those who live here
	owning  sync.WaitGroup          // the ownership loop
	running sync.WaitGroup          // deadlines, backlogs
	tasks   tasks
	halt    context.CancelFunc // ends what must outlive the trackers: journal, pulse
	base    sync.WaitGroup
	tail    context.CancelFunc // ends the backlogs that the journal feeds
	failed  chan error         // 1: why the worker cannot go on
}

// journalLanes is how many batches a worker has open at most; more would wait for the same disk. In a large fleet it is fewer: the
// live workers share what the server takes. While they do not agree on who lives, batches are refused now and then and tried again.
const journalLanes = 4

// New returns a worker over two connections: nc for everything, and pulse for heartbeats alone, so that a beat never waits
// behind other traffic. It starts nothing. The streams must exist; see [bus.EnsureAssets].
func New(nc, pulse *nats.Conn, cfg Config) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("workers: jetstream: %w", err)
	}
	w := &Worker{
		cfg:         cfg,
		incarnation: nuid.Next(),
		log:         cfg.Logger.Named("worker").With(zap.String("worker", cfg.Name)),
		nc:          nc,
		pulseNC:     pulse,
		js:          js,
		records:     bus.NewRecords(nc),
		profiles:    make(map[string]*profile, len(cfg.Sources)),
		names:       registry.NewOwners((*supervision.Child).ID),
		clock:       newClock(),
		deadlines:   newDeadlines(),
		finished:    newBacklog[*cell](4),
		stepping:    newBacklog[*cell](4),
		rousing:     newRousing(),
		spawning:    newBacklog[*attempt](2),
		ownKick:     make(chan struct{}, 1),
		scanning:    make(chan struct{}, scans()),
		begun:       make(chan struct{}),
		failed:      make(chan error, 1),
	}
	for name, s := range cfg.Sources {
		w.addProfile(&profile{name: name, source: s})
	}
	for p := range w.partitions {
		w.partitions[p] = &partition{number: p, worker: w}
	}
	w.service.responder = bus.Responder{InboxPrefixes: cfg.InboxPrefixes}
	w.service.verbs = w.verbTable()
	w.service.slots = make(chan struct{}, cfg.MaxRequests)
	w.service.reads = make(chan struct{}, recordReads)
	w.supervise()
	if w.journal, err = bus.NewJournal(nc, bus.JournalConfig{Lanes: journalLanes, OnFenced: w.onFenced}); err != nil {
		return nil, err
	}
	w.pulse, err = bus.NewPulse(pulse, bus.PulseConfig{
		Worker: cfg.Name, Incarnation: w.incarnation, Lease: cfg.Lease, Describe: w.describe, OnChange: w.onPulse,
	})
	return w, err
}

func (w *Worker) addProfile(p *profile) {
	p.index = uint16(len(w.profileList))
	w.profiles[p.name] = p
	w.profileList = append(w.profileList, p)
}

// supervise makes the supervisors: one for trackers, found by their names in the registry, and one for sources and loops,
// which are restarted for ever.
func (w *Worker) supervise() {
	// MaxTrackers is for starts: what is taken over runs, however much it is.
	w.trackers = supervision.New(supervision.Config{Registry: w.names, Observer: w.observeTracker})
	w.trackerType = &supervision.ChildType{
		Name: "tracker", Server: newServer, Intensity: w.cfg.Restarts, Backoff: w.cfg.Backoff,
	}
	w.system = supervision.New(supervision.Config{Observer: w.observeSystem})
}

// Start joins the fleet and returns once every partition is served, by this worker or by others: it hears itself, has
// claimed what nobody owned, which takes a lease after a worker died, has loaded that, and
// answers requests. ctx bounds the start only. After a failed Start the worker is stopped.
func (w *Worker) Start(ctx context.Context) error {
	starting, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	if err := w.enter(abort); err != nil {
		return err
	}
	err := w.begin(starting)
	close(w.begun)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpTimeout)
	defer cancel()
	return errors.Join(err, w.Stop(ctx))
}

// giveUpTimeout bounds the stop that follows a start that failed.
const giveUpTimeout = 5 * time.Second

// enter lets the one Start in, unless Stop came first.
func (w *Worker) enter(abort context.CancelCauseFunc) error {
	w.lifeMu.Lock()
	defer w.lifeMu.Unlock()
	switch {
	case w.stopped:
		return ErrStopped
	case w.abort != nil:
		return errors.New("workers: Start was called twice")
	}
	w.abort = abort
	return nil
}

// begin starts everything: first what trackers stand on, then what takes part in the fleet.
func (w *Worker) begin(ctx context.Context) error {
	base, halt := context.WithCancel(context.WithoutCancel(ctx))
	tail, end := context.WithCancel(context.WithoutCancel(ctx))
	run, cancel := context.WithCancelCause(base)
	w.halt, w.tail, w.cancel = halt, end, cancel
	var err error
	if w.claims, err = bus.NewClaims(w.nc); err != nil {
		return err
	}
	w.goBase("journal", func() error { return w.journal.Run(base) })
	w.goBase("pulse", func() error { return w.pulse.Run(base) })
	w.running.Go(func() { w.deadlines.run(run, w.expire) })
	w.running.Go(func() { w.rousing.run(run) })
	w.running.Go(func() { w.stepping.run(run, w.stepFor) })
	w.running.Go(func() { w.finished.run(tail, w.retire) })
	w.running.Go(func() { w.spawning.run(tail, w.spawn) })
	return w.join(ctx, run)
}

// join starts what takes part in the fleet, and waits until all of it is served.
func (w *Worker) join(ctx, run context.Context) error {
	for name, p := range w.profiles {
		if err := w.startLoop(ctx, "source/"+name, p.source.Run); err != nil {
			return err
		}
	}
	if err := w.awaitPulse(ctx); err != nil {
		return err
	}
	if err := w.awaitOwners(ctx); err != nil {
		return err
	}
	joined := make(chan struct{})
	w.owning.Go(func() { w.ownLoop(run, joined) })
	for _, loop := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"owners", w.watchOwners},
		{"pump", w.runPump},
		{"checkpoints", w.runCheckpoints},
		{"watchdog", w.watch.loop(w)},
		{"sources", w.watchSources},
	} {
		if err := w.startLoop(ctx, loop.name, loop.run); err != nil {
			return err
		}
	}
	if err := w.startService(); err != nil {
		return err
	}
	select {
	case <-joined:
		return nil
	case err := <-w.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("workers: join the fleet: %w", context.Cause(ctx))
	}
}

// awaitPulse waits until the worker has heard itself: before that it may neither answer nor write.
func (w *Worker) awaitPulse(ctx context.Context) error {
	for w.unheard() {
		select {
		case <-w.ownKick:
		case err := <-w.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("workers: hear the own heartbeat: %w", context.Cause(ctx))
		case <-time.After(w.cfg.Lease / 10):
		}
	}
	return nil
}

// awaitOwners reads who owns what, so that the first request for another's tracker finds its way.
func (w *Worker) awaitOwners(ctx context.Context) error {
	for {
		err := w.readOwners(ctx)
		if err == nil {
			return nil
		}
		w.log.Warn("read owners", zap.Error(err))
		select {
		case err := <-w.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("workers: read owners: %w", context.Cause(ctx))
		case <-time.After(w.cfg.Lease / 10):
		}
	}
}

// unheard reports whether the own heartbeat is not heard now.
func (w *Worker) unheard() bool { return w.freeze.Load() || w.pulse.Frozen() }

// isFrozen reports whether the worker must neither answer nor write: from when it does not hear itself until it has claimed
// again what it owned, which proves that nobody has changed anything meanwhile; and while the records of its trackers are not in the
// stream that there is.
func (w *Worker) isFrozen() bool {
	if w.unheard() {
		w.frozen.Store(true)
	}
	return w.frozen.Load() || w.ground.shaken.Load()
}

// onPulse is told when the fleet or this worker's own heartbeat has changed.
func (w *Worker) onPulse() {
	w.isFrozen() // remembers it, however short it is
	w.journal.LimitBatches(w.cfg.OpenBatches / max(len(w.pulse.Live()), 1))
	w.kickOwnership()
}

// goBase runs what the trackers stand on. It must not end before Stop ends it.
func (w *Worker) goBase(name string, run func() error) {
	w.base.Go(func() {
		if err := run(); err != nil {
			w.fail(fmt.Errorf("workers: %s: %w", name, err))
		}
	})
}

// fail tells that the worker cannot go on.
func (w *Worker) fail(err error) {
	select {
	case w.failed <- err:
	default:
	}
}

// Failed delivers the reason when the worker cannot go on by itself; the process should stop it and exit.
func (w *Worker) Failed() <-chan error { return w.failed }

// Name returns the worker's name.
func (w *Worker) Name() string { return w.cfg.Name }

// Stop leaves the fleet: it takes no more starts, stops the trackers, writes what they had decided, releases the partitions,
// and says goodbye. When ctx ends first it leaves at once, and peers take over after a lease. Nothing that was accepted is
// lost either way. A Start under way is ended first. It returns what went wrong; a second call returns the same.
func (w *Worker) Stop(ctx context.Context) error {
	w.lifeMu.Lock()
	w.stopped = true
	abort := w.abort
	w.lifeMu.Unlock()
	if abort == nil {
		return nil
	}
	w.stopOnce.Do(func() {
		abort(ErrStopped)
		<-w.begun
		w.stopErr = w.stop(ctx)
	})
	return w.stopErr
}

func (w *Worker) stop(ctx context.Context) error {
	w.draining.Store(true)
	var faults []error
	note := func(what string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("workers: %s: %w", what, err))
		}
	}
	w.awaitGround(ctx)
	if _, err := w.drain(ctx); err != nil && !errors.Is(err, errNobodyElse) {
		note("drain", err)
	}
	note("stop answering", w.service.stop())
	w.cancel(ErrStopped)
	w.owning.Wait()
	note("stop sources", w.stopLoops(ctx))
	if w.isFrozen() {
		note("hand partitions over", errFrozen)
	} else {
		note("hand partitions over", w.leave(ctx))
	}
	note("stop trackers", w.trackers.Stop(ctx))
	w.halt()
	w.base.Wait()
	w.tail()
	w.running.Wait()
	w.tasks.wait()
	note("say goodbye", w.pulse.Leave(ctx))
	if w.claims != nil {
		note("end claims", w.claims.Close())
	}
	return errors.Join(faults...)
}
