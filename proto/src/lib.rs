//! The Capstan contract: protobuf messages, typed clients and servers, and the descriptor set.

pub mod encoded;

/// Every file of the contract with its imports and custom options, as an encoded
/// `google.protobuf.FileDescriptorSet`; reflection and the gateway read it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

macro_rules! package {
    ($name:ident, $package:literal) => {
        #[doc = concat!("Messages, clients and servers of `", $package, "`.")]
        pub mod $name {
            #[doc = concat!("Version 1 of `", $package, "`.")]
            #[allow(
                missing_docs,
                clippy::allow_attributes_without_reason,
                clippy::too_many_lines,
                reason = "generated from the contract, which carries the comments"
            )]
            pub mod v1 {
                tonic::include_proto!($package);
            }
        }
    };
}

/// The packages as protobuf nests them, for references between generated modules.
pub mod capstan {
    package!(primitives, "capstan.primitives.v1");
    package!(indexer, "capstan.indexer.v1");
    package!(market, "capstan.market.v1");
    package!(quoter, "capstan.quoter.v1");
    package!(gateway, "capstan.gateway.v1");
}

/// `google.api`, for references from generated modules.
pub mod google {
    #[allow(
        missing_docs,
        clippy::allow_attributes_without_reason,
        clippy::too_many_lines,
        reason = "generated from google/api"
    )]
    pub mod api {
        tonic::include_proto!("google.api");
    }
}

pub use capstan::{
    gateway::v1 as gateway, indexer::v1 as indexer, market::v1 as market, primitives::v1 as primitives,
    quoter::v1 as quoter,
};
