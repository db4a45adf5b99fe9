//! The books' witness: journals sealed into a chain of blocks, in the background and after commit.
//!
//! Promises: every committed journal gets exactly one place, however late its transaction commits, and no payment waits for it;
//! a block names the one before it and holds the Merkle root over its journals, signed; with it is added up what
//! moved on each account, as a whole and by stretches of time, so that a balance costs the same whatever the age of the books. [`walk`] names the first row that somebody with
//! full access to the database has changed, added or taken away. A sealer remembers the end of the chain that it saw ([`Head`]) and
//! signs nothing that does not descend from it. What is done to the newest blocks while no sealer runs, or by who knows our key, only
//! an [`Anchor`] kept outside can show.
//!
//! Refuses to know why money moves, and to repair.

mod anchor;
mod block;
mod canonical;
mod change;
mod head;
mod merkle;
mod proof;
mod seal;
mod store;
mod walk;

pub use anchor::{Anchor, Witness, anchor, append, read_anchors, read_file};
pub use block::Block;
pub use head::Head;
pub use merkle::{Hash, climb};
pub use proof::{Proof, proof, proof_view};
pub use seal::{SealError, Sealed, behind, seal};
pub use walk::{Finding, Walk, walk};
