//! Whether two configurations mean the same component.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::component::ComponentConfig;

/// What a component is made from, so far as that decides whether it can stay as it is.
#[derive(Clone)]
pub(crate) struct Identity(Kind);

#[derive(Clone)]
enum Kind {
    Config(Arc<dyn Any + Send + Sync>, fn(&dyn Any, &dyn Any) -> bool),
    #[cfg(feature = "service")]
    Text(Arc<str>),
}

impl Identity {
    /// The identity of a configuration in code: see [`ComponentConfig::same_as`].
    pub(crate) fn of<C: ComponentConfig>(config: &Arc<C>) -> Self {
        Self(Kind::Config(Arc::clone(config) as Arc<_>, same::<C>))
    }

    /// The identity of a configuration that is fully told by a text.
    #[cfg(feature = "service")]
    pub(crate) fn of_text(text: String) -> Self {
        Self(Kind::Text(text.into()))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Config(config, same), Kind::Config(other, _)) => same(&**config, &**other),
            #[cfg(feature = "service")]
            (Kind::Text(text), Kind::Text(other)) => text == other,
            #[cfg(feature = "service")]
            _ => false,
        }
    }
}

/// The text holds secrets.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn same<C: ComponentConfig>(config: &dyn Any, other: &dyn Any) -> bool {
    match (config.downcast_ref::<C>(), other.downcast_ref::<C>()) {
        (Some(config), Some(other)) => std::ptr::eq(config, other) || config.same_as(other),
        _ => false,
    }
}
