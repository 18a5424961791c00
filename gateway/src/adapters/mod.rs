//! The services behind the gateway and the files of the browser app.

pub mod codec;
pub mod peers;
pub mod upstream;
pub mod web_app;
