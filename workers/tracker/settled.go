package tracker

import (
	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

const (
	// providerFinality is the kind of finality of what a provider has settled.
	providerFinality = "provider"
	// byProvider is who stopped a transaction that its provider says was called off.
	byProvider = "provider"
)

// settled ends the run as the provider says, whatever was known before. A word that is none of the ends changes nothing.
func (c *change) settled(o source.Observation) {
	if o.Settlement == nil {
		return
	}
	r := c.from
	status, reason := clip(o.Settlement.ProviderStatus, maxWord), clip(o.Settlement.Reason, maxReason)
	switch end := o.Settlement.End; end {
	case source.EndConfirmed, source.EndFailed:
		to := failed
		if end == source.EndConfirmed {
			to = confirmed
		}
		c.finish(to, settledData{
			ProviderStatus: status, Finality: providerFinality, Latency: bus.Duration(c.now.since(r.startedAt)), Reason: reason,
		})
	case source.EndStopped:
		if reason == "" {
			reason = status
		}
		c.finish(stopped, stoppedData{Reason: reason, By: byProvider, ProviderStatus: status})
	case source.EndExpired:
		c.finish(expired, expiredData{LastStatus: r.Status(), ProviderStatus: status})
	case source.EndDropped:
		data := droppedData{ProviderStatus: status, Reason: reason}
		if r.sight != nil {
			data.LastSeen, data.Checks = r.sight.lastSeen, uint64(r.sight.checks)
		}
		c.finish(dropped, data)
	}
}
