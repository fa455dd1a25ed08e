//! Files of the Hugging Face hub, through the cache that its own clients use.

mod cache;
#[cfg(feature = "hub")]
mod download;
mod environment;
mod error;
mod fetch;
#[cfg(not(feature = "hub"))]
mod no_download;
#[cfg(feature = "hub")]
mod transfer;

#[cfg(feature = "hub")]
use download::newest;
#[cfg(not(feature = "hub"))]
use no_download::newest;

pub use error::HubError;
pub use fetch::fetch;
