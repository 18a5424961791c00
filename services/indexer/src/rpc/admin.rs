//! The gRPC edge for operators: translate, call, translate.

use capstan_primitives::{Address, BlockRef, PageToken, PageTokenError};
use capstan_proto::indexer::{
    AddContractRequest, AddContractResponse, DecodeFailure, FollowedContract, ListContractsRequest,
    ListContractsResponse, ListDecodeFailuresRequest, ListDecodeFailuresResponse, RemoveContractRequest,
    RemoveContractResponse, ResetChainRequest, ResetChainResponse,
    indexer_admin_service_server::IndexerAdminService,
};
use tonic::{Request, Response, Status};

use super::{convert, page_size};
use crate::{
    domain::{Contract, Description, Quarantined},
    error::Error,
    operations::EventLog,
};

/// `capstan.indexer.v1.IndexerAdminService`.
#[derive(Debug)]
pub(crate) struct AdminRpc {
    pub(crate) log: EventLog,
}

#[tonic::async_trait]
impl IndexerAdminService for AdminRpc {
    async fn list_contracts(
        &self,
        request: Request<ListContractsRequest>,
    ) -> Result<Response<ListContractsResponse>, Status> {
        Ok(Response::new(self.contracts(&request.into_inner())?))
    }

    async fn add_contract(
        &self,
        request: Request<AddContractRequest>,
    ) -> Result<Response<AddContractResponse>, Status> {
        Ok(Response::new(self.add(request.into_inner()).await?))
    }

    async fn remove_contract(
        &self,
        request: Request<RemoveContractRequest>,
    ) -> Result<Response<RemoveContractResponse>, Status> {
        let RemoveContractRequest { chain_id, address } = request.into_inner();
        let (chain_id, address) = (self.log.chain(chain_id)?, convert::parsed("address", &address)?);
        self.log.remove_contract(chain_id, address).await?;
        Ok(Response::new(RemoveContractResponse {}))
    }

    async fn list_decode_failures(
        &self,
        request: Request<ListDecodeFailuresRequest>,
    ) -> Result<Response<ListDecodeFailuresResponse>, Status> {
        Ok(Response::new(self.decode_failures(&request.into_inner()).await?))
    }

    async fn reset_chain(
        &self,
        request: Request<ResetChainRequest>,
    ) -> Result<Response<ResetChainResponse>, Status> {
        let ResetChainRequest { chain_id, block } = request.into_inner();
        let undo = self.log.reset(self.log.chain(chain_id)?, block).await?;
        let last_valid_block = Some(convert::block(undo.last_valid));
        Ok(Response::new(ResetChainResponse { last_valid_block, depth: undo.depth }))
    }
}

impl AdminRpc {
    fn contracts(&self, request: &ListContractsRequest) -> Result<ListContractsResponse, Error> {
        let chain_id = self.log.chain(request.chain_id)?;
        let binding = format!("ListContracts {chain_id}");
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(address_of(token, &binding).map_err(Error::PageToken)?),
        };
        let (page, more) = self.log.contracts(chain_id, after, page_size(request.page_size)?)?;
        let last = page.last().filter(|_| more).map(|(address, _)| address.as_bytes().to_vec());
        Ok(ListContractsResponse {
            contracts: page.into_iter().map(contract).collect(),
            next_page_token: last.map(|key| PageToken { key }.encode(&binding)).unwrap_or_default(),
        })
    }

    async fn add(&self, request: AddContractRequest) -> Result<AddContractResponse, Error> {
        let AddContractRequest { chain_id, address, protocol, name, .. } = request;
        let chain_id = self.log.chain(chain_id)?;
        let address = convert::parsed("address", &address)?;
        let some = |text: String| (!text.is_empty()).then_some(text);
        let description = Description {
            protocol,
            name: some(name),
            abi: some(request.abi_json),
            signatures: request.signatures,
            events: request.events.into_iter().collect(),
            start_block: request.start_block,
        };
        let added = self.log.add_contract(chain_id, address, description).await?;
        Ok(AddContractResponse { contract: Some(contract((address, added))) })
    }

    async fn decode_failures(
        &self,
        request: &ListDecodeFailuresRequest,
    ) -> Result<ListDecodeFailuresResponse, Error> {
        let chain_id = self.log.chain(request.chain_id)?;
        let binding = format!("ListDecodeFailures {chain_id}");
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(position_of(token, &binding)?),
        };
        let limit = page_size(request.page_size)?;
        let (page, more) = self.log.decode_failures(chain_id, after, limit).await?;
        let token = |place: u64| PageToken { key: place.to_be_bytes().to_vec() }.encode(&binding);
        Ok(ListDecodeFailuresResponse {
            failures: page.into_iter().map(failure).collect(),
            next_page_token: more.map(token).unwrap_or_default(),
        })
    }
}

fn address_of(token: &str, binding: &str) -> Result<Address, PageTokenError> {
    let key = PageToken::decode(token, binding)?.key;
    Address::try_from(key.as_slice()).map_err(|_| PageTokenError::Malformed)
}

fn position_of(token: &str, binding: &str) -> Result<u64, Error> {
    let malformed = Error::PageToken(PageTokenError::Malformed);
    let key = PageToken::decode(token, binding).map_err(Error::PageToken)?.key;
    key.try_into().map(u64::from_be_bytes).map_err(|_| malformed)
}

fn contract((address, contract): (Address, Contract)) -> FollowedContract {
    let Contract { definition, start_block, factory, tokens: _ } = contract;
    FollowedContract {
        address: address.to_string(),
        protocol: definition.protocol.clone(),
        name: definition.source.strip_prefix("abi:").unwrap_or_default().to_owned(),
        start_block,
        factory: factory.map(|factory| factory.to_string()).unwrap_or_default(),
    }
}

fn failure(of: Quarantined) -> DecodeFailure {
    let Quarantined { log, reason } = of;
    let block =
        BlockRef { number: log.block_number, hash: log.block_hash, time: log.block_time.unwrap_or_default() };
    DecodeFailure {
        block: Some(convert::block(block)),
        transaction_hash: log.transaction.to_string(),
        transaction_index: log.transaction_index,
        log_index: log.log_index,
        address: log.address.to_string(),
        topics: log.topics.iter().map(|topic| topic.as_bytes().to_vec().into()).collect(),
        data: log.data.into(),
        reason,
    }
}
