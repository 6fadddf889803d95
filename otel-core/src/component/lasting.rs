//! What outlives an instance.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What a collector keeps while its components come and go with their configurations, such as listeners. Cloning
/// shares it.
#[derive(Clone, Default)]
pub struct Lasting(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    leaving: Mutex<HashSet<u64>>,
}

impl Lasting {
    pub(super) fn get_or_default<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.0.values.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        Arc::clone(value).downcast().expect("the key holds the type")
    }

    pub(super) fn is_leaving(&self, instance: u64) -> bool {
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner).contains(&instance)
    }

    /// The instances that are about to stop because others take their place.
    #[cfg(feature = "engine")]
    pub(crate) fn set_leaving(&self, instances: HashSet<u64>) {
        *self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner) = instances;
    }
}

impl fmt::Debug for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lasting").finish_non_exhaustive()
    }
}
