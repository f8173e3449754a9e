package tracker

import (
	"encoding/json"
	"fmt"
	"time"

	"trackerfleet/bus"
)

// Event is one event of a transaction, ready to be published.
type Event struct {
	ID       bus.ID
	Type     string
	N        uint64 // 1, 2, 3 … per transaction, over all runs
	Run      uint64
	At       time.Time
	Data     any  // encodes as a JSON object, {} included
	Terminal bool // the last event of its run

	meta string
}

// Body returns the message body: the data beside transaction_id, type, n, run, at and, if there is one, meta. It fails if
// the data or what the start brought doesn't encode.
func (e Event) Body() ([]byte, error) {
	b, err := bus.EventBody(e.ID, e.Type, e.N, e.Run, e.At, raw(e.meta), e.Data)
	if err != nil {
		return nil, fmt.Errorf("tracker: event %s: %w", e.Type, err)
	}
	return b, nil
}

// blockData names a block in events.
type blockData struct {
	Number uint64 `json:"number"`
	Hash   string `json:"hash,omitempty"`
	Time   stamp  `json:"time,omitzero"`
}

// The data of the events; contract.md 6 and sources.md 1 name the fields.
type (
	startedData struct {
		Source   string            `json:"source"`
		Params   json.RawMessage   `json:"params,omitempty"`
		Labels   map[string]string `json:"labels,omitempty"`
		Deadline stamp             `json:"deadline,omitzero"`
	}
	restartedData struct {
		Reason          string       `json:"reason"`
		Stack           string       `json:"stack,omitempty"`
		Attempt         int          `json:"attempt"`
		Backoff         bus.Duration `json:"backoff"`
		FromIncarnation uint64       `json:"from_incarnation"`
		ToIncarnation   uint64       `json:"to_incarnation"`
	}
	parkedData struct {
		Reason   string `json:"reason"`
		Restarts uint64 `json:"restarts"`
		Since    stamp  `json:"since,omitzero"`
	}
	resumedData struct {
		By string `json:"by,omitempty"`
	}
	includedData struct {
		Block   blockData `json:"block"`
		Index   uint64    `json:"index"`
		Outcome string    `json:"outcome"`
		GasUsed string    `json:"gas_used,omitempty"`
		FeePaid string    `json:"fee_paid,omitempty"`
		Have    uint64    `json:"have"`
		Need    uint64    `json:"need,omitempty"`
	}
	progressData struct {
		Have uint64 `json:"have"`
		Need uint64 `json:"need,omitempty"`
		Head uint64 `json:"head"`
		Safe bool   `json:"safe,omitempty"`
	}
	reorgedData struct {
		From          blockData  `json:"from"`
		To            *blockData `json:"to"`
		Depth         uint64     `json:"depth"`
		OutcomeBefore string     `json:"outcome_before,omitempty"`
		OutcomeNow    string     `json:"outcome_now,omitempty"`
	}
	missingData struct {
		Since    stamp  `json:"since,omitzero"`
		LastSeen stamp  `json:"last_seen,omitzero"`
		Checks   uint64 `json:"checks"`
	}
	replacingData struct {
		By    string    `json:"by"`
		Kind  string    `json:"kind"`
		Block blockData `json:"block"`
	}
	finalData struct { // confirmed, failed
		Block      blockData    `json:"block"`
		Have       uint64       `json:"have"`
		Need       uint64       `json:"need,omitempty"`
		Finality   string       `json:"finality"`
		Latency    bus.Duration `json:"latency"`
		GasUsed    string       `json:"gas_used,omitempty"`
		FeePaid    string       `json:"fee_paid,omitempty"`
		Reason     string       `json:"reason,omitempty"`
		ReasonData string       `json:"reason_data,omitempty"`
	}
	settledData struct { // confirmed, failed
		ProviderStatus string       `json:"provider_status,omitempty"`
		Finality       string       `json:"finality"`
		Latency        bus.Duration `json:"latency"`
		Reason         string       `json:"reason,omitempty"`
	}
	replacedData struct {
		By       string       `json:"by"`
		Kind     string       `json:"kind"`
		Block    *blockData   `json:"block,omitempty"`
		Finality string       `json:"finality,omitempty"`
		Latency  bus.Duration `json:"latency"`
	}
	droppedData struct {
		LastSeen       stamp  `json:"last_seen,omitzero"`
		Checks         uint64 `json:"checks"`
		ProviderStatus string `json:"provider_status,omitempty"`
		Reason         string `json:"reason,omitempty"`
	}
	expiredData struct {
		LastStatus     bus.Status `json:"last_status"`
		ProviderStatus string     `json:"provider_status,omitempty"`
	}
	stoppedData struct {
		Reason         string `json:"reason"`
		By             string `json:"by,omitempty"`
		ProviderStatus string `json:"provider_status,omitempty"`
	}
)

// AppendJSON appends d as encoding/json writes it: every tracker has this event.
func (d startedData) AppendJSON(b []byte) ([]byte, error) {
	o := bus.BeginObject(b)
	o.Text("source", d.Source)
	o.RawIf("params", d.Params)
	if len(d.Labels) > 0 {
		o.Labels("labels", d.Labels)
	}
	timeIf(&o, "deadline", d.Deadline)
	return o.End()
}

// AppendJSON appends d as encoding/json writes it.
func (d stoppedData) AppendJSON(b []byte) ([]byte, error) {
	o := bus.BeginObject(b)
	o.Text("reason", d.Reason)
	o.TextIf("by", d.By)
	o.TextIf("provider_status", d.ProviderStatus)
	return o.End()
}
