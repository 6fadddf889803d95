//! Extensions: what serves the collector rather than a pipeline.

#[cfg(feature = "basicauth")]
pub mod basicauth;
#[cfg(feature = "bearertokenauth")]
pub mod bearertokenauth;
#[cfg(feature = "basicauth")]
mod credential;
#[cfg(feature = "file_storage")]
pub mod file_storage;
#[cfg(any(feature = "basicauth", feature = "bearertokenauth"))]
mod headers;
#[cfg(feature = "health_check")]
pub mod health_check;
#[cfg(any(feature = "health_check", feature = "zpages"))]
mod server;
#[cfg(all(test, any(feature = "health_check", feature = "zpages")))]
mod testing;
#[cfg(feature = "zpages")]
pub mod zpages;
