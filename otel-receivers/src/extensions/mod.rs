//! Extensions: what serves the collector rather than a pipeline.

#[cfg(feature = "basicauth")]
pub mod basicauth;
#[cfg(feature = "bearertokenauth")]
pub mod bearertokenauth;
#[cfg(feature = "basicauth")]
mod credential;
#[cfg(feature = "file_storage")]
pub mod file_storage;
#[cfg(any(feature = "basicauth", feature = "bearertokenauth", feature = "oidc"))]
mod headers;
#[cfg(feature = "headers_setter")]
pub mod headers_setter;
#[cfg(feature = "health_check")]
pub mod health_check;
#[cfg(feature = "oauth2client")]
pub mod oauth2client;
#[cfg(feature = "oidc")]
pub mod oidc;
#[cfg(any(feature = "oauth2client", feature = "oidc"))]
mod refresh;
#[cfg(any(feature = "health_check", feature = "zpages"))]
mod server;
#[cfg(all(test, any(feature = "health_check", feature = "zpages")))]
mod testing;
#[cfg(all(test, any(feature = "oauth2client", feature = "oidc")))]
mod testing_web;
#[cfg(feature = "zpages")]
pub mod zpages;
