// Package simulated is a source that follows a chain which does not exist: a deterministic one, made of a seed and the
// clock. It backs development and demonstrations, and it knows the truth of every transaction, so that a checker can
// compare what trackers say with it.
//
// # What every process agrees on
//
// Several workers with the same [Config] follow the same chain, also after a restart without memory. Nothing is stored;
// everything is computed:
//
//   - The head is a function of the wall clock: a block every BlockTime since Genesis.
//   - Which heights take blocks back, and how many, is drawn from (Seed, height). A block's hash is drawn from (Seed, height,
//     how often the height was rewritten). A block is never rewritten once it has MaxReorgDepth blocks on top.
//   - A transaction's outcome is drawn from (Seed, ID), unless its params name one.
//   - A transaction can be included only at its slots: every Wait-th height, shifted by a draw from (Seed, ID). It is included
//     at the first slot after the source first heard of it. What a reorganisation at height r does to a transaction in block h
//     (kept in the block's successor, or put back to wait for its next slot) is drawn from (Seed, ID, h, r).
//
// So where a transaction is now follows from where it last was. A watch that begins again gets that from its hint: the block
// it was in, or else the height up to which it was observed. With neither, it begins anew at the present head, which
// contradicts nothing that was recorded before. A start whose params say "at" needs no hint: its slot is fixed.
//
// The outcome depends on none of this, hence [TruthOf]: how a transaction ends is known in advance, and whether it can end in
// a given block can be checked by anybody.
//
// # Locks
//
// One mutex per [Source], held for at most a few hundred watches at a time, also while observers are called. An observer
// must not call its handle from Observe.
package simulated
