//! The exporter components.
