//! The receiver components.
