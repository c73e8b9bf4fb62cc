//! Values that handlers share, found by type: one map a group, a group's
//! shadows its parent's. Frozen at start-up, so a look-up takes no lock.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
    sync::Arc,
};

/// The states that one group's routes see.
#[derive(Clone, Default)]
pub(crate) struct States {
    // A handful of entries: a scan beats a hash.
    entries: Arc<[Entry]>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: StateKey,
    pub(crate) value: Arc<dyn Any + Send + Sync>,
}

/// A state's type, with its name for messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StateKey {
    id: TypeId,
    name: &'static str,
}

impl StateKey {
    /// The key of `T`.
    #[must_use]
    pub fn of<T: 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        }
    }

    /// The type's name, as the compiler writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Entry {
    pub(crate) fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self {
            key: StateKey::of::<T>(),
            value: Arc::new(value),
        }
    }

    /// Stands for a state that could not be made, so that nobody says it is
    /// missing as well. The application that has it is never served.
    pub(crate) fn unmade(key: StateKey) -> Self {
        Self {
            key,
            value: Arc::new(()),
        }
    }
}

impl States {
    /// `own` in front of what the parent group has.
    pub(crate) fn shadowing(own: Vec<Entry>, parent: &Self) -> Self {
        let inherited = parent
            .entries
            .iter()
            .filter(|p| own.iter().all(|o| o.key != p.key));
        let inherited: Vec<Entry> = inherited.cloned().collect();
        Self {
            entries: own.into_iter().chain(inherited).collect(),
        }
    }

    pub(crate) fn get<T: Any>(&self) -> Option<&T> {
        let key = TypeId::of::<T>();
        let entry = self.entries.iter().find(|entry| entry.key.id == key)?;
        entry.value.downcast_ref()
    }

    pub(crate) fn has(&self, key: StateKey) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| entry.key))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_shadows_its_parent() {
        let parent = States::shadowing(
            vec![Entry::new(1_u8), Entry::new("app")],
            &States::default(),
        );
        let group = States::shadowing(vec![Entry::new(2_u8)], &parent);
        assert_eq!(group.get::<u8>(), Some(&2));
        assert_eq!(group.get::<&str>(), Some(&"app"));
        assert_eq!(parent.get::<u8>(), Some(&1));
        assert!(!group.has(StateKey::of::<u64>()));
    }
}
