package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrAssets is every error of [EnsureAssets] that another configuration of the server or its streams would solve.
var ErrAssets = errors.New("bus: streams are not as the fleet needs them")

// AssetMode says what [EnsureAssets] may do.
type AssetMode string

// The values of [AssetMode].
const (
	AssetsCreate AssetMode = "create" // create what is missing; never change what is there
	AssetsVerify AssetMode = "verify" // change nothing
)

// EnsureAssets checks the server and every stream, and in mode [AssetsCreate] creates the streams that are missing. A
// stream that is there is never changed. It fails with an error that is [ErrAssets] and names every stream and setting at
// fault, or with the error of a request.
func EnsureAssets(ctx context.Context, js jetstream.JetStream, mode AssetMode, settings AssetSettings) error {
	if mode != AssetsCreate && mode != AssetsVerify {
		return fmt.Errorf("bus: unknown asset mode %q: use %s or %s", mode, AssetsCreate, AssetsVerify)
	}
	if err := checkServer(ctx, js); err != nil {
		return err
	}
	var faults []error
	for _, want := range Assets(settings) {
		err := ensureStream(ctx, js, mode, want)
		if err != nil && !errors.Is(err, ErrAssets) {
			return err
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// checkServer refuses a server that is too old or runs without JetStream.
func checkServer(ctx context.Context, js jetstream.JetStream) error {
	nc := js.Conn()
	version := nc.ConnectedServerVersion()
	if version == "" {
		return fmt.Errorf("bus: ask for the server's version: %w", nats.ErrDisconnected)
	}
	if !versionAtLeast(version, MinServerVersion) {
		return fmt.Errorf("%w: nats-server %s at %s is older than %s, which does not check conditions inside atomic batches; upgrade it",
			ErrAssets, version, nc.ConnectedUrlRedacted(), MinServerVersion)
	}
	_, err := js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w: nats-server at %s runs without JetStream; start it with `-js` or a `jetstream {}` block, "+
			"and enable it for the account", ErrAssets, nc.ConnectedUrlRedacted())
	case err != nil:
		return fmt.Errorf("bus: ask for JetStream: %w", err)
	}
	return nil
}

// versionAtLeast compares dotted versions number by number; what follows a "-" is a pre-release of the same number and
// counts as it.
func versionAtLeast(version, minimum string) bool {
	version, _, _ = strings.Cut(version, "-")
	have, want := strings.Split(version, "."), strings.Split(minimum, ".")
	for i := range want {
		if i >= len(have) {
			return false
		}
		h, err := strconv.Atoi(have[i])
		if err != nil {
			return false
		}
		w, _ := strconv.Atoi(want[i])
		if h != w {
			return h > w
		}
	}
	return true
}

func ensureStream(ctx context.Context, js jetstream.JetStream, mode AssetMode, want jetstream.StreamConfig) error {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if mode == AssetsVerify {
			return &MissingError{Stream: want.Name}
		}
		stream, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(ctx, want.Name) // another worker was faster
		}
	}
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeNoStorage {
		return fmt.Errorf("%w: stream %s: max_bytes %d is more than the server's store has left (%w); choose a smaller limit, "+
			"or raise max_file_store of the server", ErrAssets, want.Name, want.MaxBytes, err)
	}
	if err != nil {
		return fmt.Errorf("bus: stream %s: %w", want.Name, err)
	}
	return checkStream(stream.CachedInfo().Config, want)
}

// checkStream compares what correctness rests on. Limits, ages and replicas belong to the operator, who may change them.
func checkStream(have, want jetstream.StreamConfig) error {
	haveSubjects, wantSubjects := slices.Sorted(slices.Values(have.Subjects)), slices.Sorted(slices.Values(want.Subjects))
	settings := []struct {
		name       string
		have, want any
	}{
		{"subjects", strings.Join(haveSubjects, " "), strings.Join(wantSubjects, " ")},
		{"max_msgs_per_subject", noLimit(have.MaxMsgsPerSubject), noLimit(want.MaxMsgsPerSubject)},
		{"retention", have.Retention, want.Retention},
		{"discard", have.Discard, want.Discard},
		{"discard_new_per_subject", have.DiscardNewPerSubject, want.DiscardNewPerSubject},
		{"storage", have.Storage, want.Storage},
		{"no_ack", have.NoAck, want.NoAck},
		{"sealed", have.Sealed, want.Sealed},
		{"allow_atomic", have.AllowAtomicPublish, want.AllowAtomicPublish},
		{"allow_msg_ttl", have.AllowMsgTTL, want.AllowMsgTTL},
		{"allow_direct", have.AllowDirect, want.AllowDirect},
		{"deny_delete", have.DenyDelete, want.DenyDelete},
		{"deny_purge", have.DenyPurge, want.DenyPurge},
	}
	var faults []error
	for _, s := range settings {
		if s.have != s.want {
			faults = append(faults, fmt.Errorf("%w: stream %s: %s is %v, must be %v", ErrAssets, want.Name, s.name, s.have, s.want))
		}
	}
	if want.MaxAge == 0 && have.MaxAge != 0 {
		faults = append(faults, fmt.Errorf("%w: stream %s: max_age is %v, must be 0", ErrAssets, want.Name, have.MaxAge))
	}
	for _, key := range slices.Sorted(maps.Keys(want.Metadata)) {
		if have.Metadata[key] != want.Metadata[key] {
			faults = append(faults, fmt.Errorf("%w: stream %s: metadata %s is %q, must be %q; records are laid out for another version",
				ErrAssets, want.Name, key, have.Metadata[key], want.Metadata[key]))
		}
	}
	return errors.Join(faults...)
}

// noLimit maps the two spellings of "no limit" to one.
func noLimit(n int64) int64 { return max(n, 0) }
