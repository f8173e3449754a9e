package ethtest

// The kinds of replacements.
const (
	Speedup = "speedup" // the same with higher fees
	Cancel  = "cancel"  // nothing to oneself
	Other   = "other"   // something else
)

const (
	nobody  = "0x00000000000000000000000000000000000000aa"
	another = "0x00000000000000000000000000000000000000bb"
)

// turned returns what a replacement of the kind does in place of tx, without a hash of its own.
func (tx Tx) turned(kind string) Tx {
	tx.bumps++
	switch kind {
	case Speedup:
	case Cancel:
		tx.To, tx.Value, tx.Input, tx.Reverts = tx.From, "0x0", "0x", false
	case Other:
		tx.To, tx.Value, tx.Input, tx.Reverts = another, "0x1", "0x", false
	default:
		panic("ethtest: no kind of replacement: " + kind)
	}
	return tx
}
