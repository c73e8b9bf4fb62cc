//! Harm done to bytes, for tests of what is received.

use proptest::{collection::vec, prelude::*, sample::Index};

/// What goes wrong with bytes on their way, or is done to them.
#[derive(Clone, Debug)]
pub(super) enum Harm {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index),
    Remove(Index),
}

pub(super) fn harm() -> impl Strategy<Value = Harm> {
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0x7f), Just(0x80), Just(0xff)];
    prop_oneof![
        (any::<Index>(), byte).prop_map(|(at, byte)| Harm::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        (any::<Index>(), vec(any::<u8>(), 1..12)).prop_map(|(at, new)| Harm::Insert(at, new)),
        any::<Index>().prop_map(Harm::Cut),
        any::<Index>().prop_map(Harm::Remove),
    ]
}

impl Harm {
    pub(super) fn apply(self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => *at.get_mut(bytes) = byte,
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
            Self::Insert(at, new) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, new);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        }
    }
}
