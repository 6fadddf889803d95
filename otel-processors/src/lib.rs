//! The processor components.
