//! What the header of a block says that decides the base fee of the next one.

use std::sync::Arc;

use capstan_primitives::Hash;
use serde::Deserialize;

use crate::{
    BlockDetails, ChainError, Evm, answers,
    calls::{by_hash, of_hash},
    rpc::{Answer, Rpc},
    wire::{Data, Quantity},
};

/// The gas of a block, and what chains add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GasHeader {
    /// Gas used, gas limit and base fee.
    pub details: BlockDetails,
    /// Gas of its blobs (EIP-4844), which some rollups write something else into; zero where there is none.
    pub blob_gas_used: u64,
    /// Whatever its maker wrote, in which some rollups have the rule of the next base fee.
    pub extra_data: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireExtras {
    #[serde(default)]
    blob_gas_used: Option<Quantity>,
    #[serde(default)]
    extra_data: Option<Data>,
}

impl Evm {
    /// The gas of the block of this hash, which proves it where the chain's format is known.
    ///
    /// # Errors
    /// As [`Evm::block_details`].
    pub async fn gas_header(&self, hash: Hash) -> Result<GasHeader, ChainError> {
        self.learn_headers().await;
        let question = async |rpc: Arc<Rpc>| {
            let answer = rpc.call(by_hash(hash)).await;
            let (blob_gas_used, extra_data) = extras(&answer)?;
            let (details, _) = self.details(answer)?.ok_or(ChainError::UnknownBlock { hash })?;
            of_hash(details.header, hash)?;
            Ok(GasHeader { details, blob_gas_used, extra_data })
        };
        self.pool.ask("eth_getBlockByHash", question).await
    }
}

/// Blob gas and extra data; none of an answer without a block.
fn extras(answer: &Result<Answer, ChainError>) -> Result<(u64, Vec<u8>), ChainError> {
    let Ok(answer) = answer else { return Ok((0, Vec::new())) };
    let found = answers::read::<Option<WireExtras>>(answer)?;
    let WireExtras { blob_gas_used, extra_data } =
        found.unwrap_or(WireExtras { blob_gas_used: None, extra_data: None });
    Ok((blob_gas_used.map_or(0, |gas| gas.0), extra_data.map_or_else(Vec::new, |Data(bytes)| bytes)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;

    fn read(json: &Value) -> (u64, Vec<u8>) {
        let json = to_raw_value(json).unwrap().into();
        extras(&Ok(Answer { method: "eth_getBlockByHash", json })).unwrap()
    }

    #[test]
    fn a_block_need_not_have_blobs_or_extra_data() {
        let extras = json!({ "blobGasUsed": "0x20000", "extraData": "0x00000000fa00000006" });
        assert_eq!(read(&extras), (131_072, vec![0, 0, 0, 0, 250, 0, 0, 0, 6]));
        for none in [json!({}), json!({ "blobGasUsed": null, "extraData": "0x" }), Value::Null] {
            assert_eq!(read(&none), (0, Vec::new()), "{none}");
        }
    }
}
