//! Files of the Hugging Face hub, through the cache that its own clients use.

mod environment;
mod error;
mod fetch;
mod transfer;

pub use error::HubError;
pub use fetch::fetch;
