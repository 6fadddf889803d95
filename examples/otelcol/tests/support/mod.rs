//! Real collector processes, a backend for them, and clients that say exactly what they are told to.
#![allow(dead_code, reason = "each test target uses a part of it")]

pub(crate) mod backend;
pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod sdk;
