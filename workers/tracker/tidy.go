package tracker

import (
	"maps"
	"slices"

	"trackerfleet/workers/source"
)

// Bounds on what an observation may put into records and events, in bytes.
const (
	maxWord       = 256 // a hash, an address, an amount
	maxReasonData = 2 + 2*(4<<10)
	maxFees       = 16 // entries
)

// newPlace returns an inclusion of our transaction with nothing in it that couldn't be kept.
func newPlace(p *source.Policy, in *source.Inclusion) *place {
	return &place{
		Number: in.Block.Number, Hash: clip(in.Block.Hash, maxWord), Time: stampOf(in.Block.Time), Index: in.Index,
		Success: in.Success, GasUsed: clip(in.GasUsed, maxWord), FeePaid: clip(in.FeePaid, maxWord),
		Reason: clip(in.Reason, maxReason), ReasonData: clip(in.ReasonData, maxReasonData), Need: need(p),
	}
}

// need returns how many confirmations the policy asks for; 0: it asks for a tag.
func need(p *source.Policy) uint64 {
	if p.Finality == source.Safe || p.Finality == source.Finalized {
		return 0
	}
	return max(1, p.Confirmations)
}

// tidyDetails bounds what a source says of a pending transaction.
func tidyDetails(d source.PendingDetails) source.PendingDetails {
	tidy := source.PendingDetails{
		Nonce: clip(d.Nonce, maxWord), From: clip(d.From, maxWord), To: clip(d.To, maxWord), Value: clip(d.Value, maxWord),
		FirstSeen: stampOf(d.FirstSeen).time(), ProviderStatus: clip(d.ProviderStatus, maxWord),
	}
	for _, name := range slices.Sorted(maps.Keys(d.Fees)) {
		if len(tidy.Fees) == maxFees {
			break
		}
		if tidy.Fees == nil {
			tidy.Fees = make(map[string]string, min(len(d.Fees), maxFees))
		}
		tidy.Fees[clip(name, maxWord)] = clip(d.Fees[name], maxWord)
	}
	return tidy
}

// kindOf returns the kind of a replacement: speedup, cancel or other.
func kindOf(kind string) string {
	switch kind {
	case "speedup", "cancel":
		return kind
	}
	return "other"
}
