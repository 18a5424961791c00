//! `TransactionService`: translate, call, translate.

use std::time::Duration;

use capstan_primitives::{ChainId, Finality, Hash, PageToken, PageTokenError, TransactionId};
use capstan_proto::{
    indexer::{
        GetTransactionRequest, GetTransactionResponse, ListRecentTransactionsRequest,
        ListRecentTransactionsResponse, RegisterTransactionRequest, RegisterTransactionResponse,
        WatchTransactionRequest, WatchTransactionResponse, transaction_service_server::TransactionService,
    },
    primitives::AsOf,
};
use capstan_runtime::Tasks;
use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};

use super::{convert, page_size, transaction_wire};
use crate::{
    domain::WatchedTransaction,
    error::Error,
    operations::{ChainView, Transactions},
    store::TransactionQuery,
};

/// Only the process that writes the chain follows its transactions; the others look this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `capstan.indexer.v1.TransactionService`.
#[derive(Debug)]
pub(crate) struct TransactionRpc {
    pub(crate) transactions: Transactions,
    pub(crate) tasks: Tasks,
}

#[tonic::async_trait]
impl TransactionService for TransactionRpc {
    type WatchTransactionStream = BoxStream<'static, Result<WatchTransactionResponse, Status>>;

    async fn register_transaction(
        &self,
        request: Request<RegisterTransactionRequest>,
    ) -> Result<Response<RegisterTransactionResponse>, Status> {
        let RegisterTransactionRequest { chain_id, hash, label } = request.into_inner();
        let (chain_id, id) = (self.transactions.chain(chain_id)?, id(&hash)?);
        let found = self.transactions.register(chain_id, id, label).await?;
        let view = self.transactions.view(chain_id)?;
        let transaction = Some(transaction_wire::transaction(&found, &view));
        Ok(Response::new(RegisterTransactionResponse { transaction, as_of: as_of(chain_id, &view) }))
    }

    async fn get_transaction(
        &self,
        request: Request<GetTransactionRequest>,
    ) -> Result<Response<GetTransactionResponse>, Status> {
        let GetTransactionRequest { chain_id, hash } = request.into_inner();
        let (chain_id, id) = (self.transactions.chain(chain_id)?, id(&hash)?);
        let found = self.transactions.get(chain_id, &id).await?;
        let view = self.transactions.view(chain_id)?;
        let transaction = Some(transaction_wire::transaction(&found, &view));
        Ok(Response::new(GetTransactionResponse { transaction, as_of: as_of(chain_id, &view) }))
    }

    async fn list_recent_transactions(
        &self,
        request: Request<ListRecentTransactionsRequest>,
    ) -> Result<Response<ListRecentTransactionsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn watch_transaction(
        &self,
        request: Request<WatchTransactionRequest>,
    ) -> Result<Response<Self::WatchTransactionStream>, Status> {
        let WatchTransactionRequest { chain_id, hash } = request.into_inner();
        let (chain_id, id) = (self.transactions.chain(chain_id)?, id(&hash)?);
        let found = self.transactions.get(chain_id, &id).await?;
        Ok(Response::new(self.watch(found)?))
    }
}

impl TransactionRpc {
    async fn list(
        &self,
        request: ListRecentTransactionsRequest,
    ) -> Result<ListRecentTransactionsResponse, Error> {
        let state = transaction_wire::state_filter(request.state)?;
        let ListRecentTransactionsRequest { chain_id, sender, page_size: size, page_token, .. } = request;
        let chain_id = self.transactions.chain(chain_id)?;
        let sender = (!sender.is_empty()).then(|| convert::parsed("sender", &sender)).transpose()?;
        let binding = format!("ListRecentTransactions {chain_id} {state:?} {sender:?}");
        let after = match page_token.as_str() {
            "" => None,
            token => Some(place_of(token, &binding)?),
        };
        let query = TransactionQuery { chain_id, state, sender, after, limit: page_size(size)? };
        let (found, more) = self.transactions.recent(&query).await?;
        let last = found.last().filter(|_| more);
        let view = self.transactions.view(chain_id)?;
        Ok(ListRecentTransactionsResponse {
            next_page_token: last.map(|last| token_of(last, &binding)).unwrap_or_default(),
            transactions: found.iter().map(|found| transaction_wire::transaction(found, &view)).collect(),
            as_of: as_of(chain_id, &view),
        })
    }

    /// What becomes of a transaction from `found` on.
    fn watch(
        &self,
        mut found: WatchedTransaction,
    ) -> Result<BoxStream<'static, Result<WatchTransactionResponse, Status>>, Error> {
        let (transactions, stopping) = (self.transactions.clone(), self.tasks.stopping());
        let mut changes = transactions.signals(found.chain_id)?.changes();
        let stream = async_stream::try_stream! {
            let mut told = None;
            loop {
                if told.as_ref() != Some(&found.fate) {
                    let view = transactions.view(found.chain_id)?;
                    let transaction = Some(transaction_wire::transaction(&found, &view));
                    yield WatchTransactionResponse { transaction, as_of: as_of(found.chain_id, &view) };
                    told = Some(found.fate.clone());
                }
                if found.fate.is_settled() {
                    break;
                }
                changes.borrow_and_update();
                let now = transactions.get(found.chain_id, &found.id).await?;
                if now.fate != found.fate {
                    found = now;
                    continue;
                }
                tokio::select! {
                    () = stopping.cancelled() => break,
                    _ = changes.changed() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        };
        Ok(stream.boxed())
    }
}

fn as_of(chain_id: ChainId, view: &ChainView) -> Option<AsOf> {
    let finalized = view.progress.finalized.map(|block| block.number);
    let indexed = view.progress.indexed?;
    Some(convert::as_of(chain_id, indexed, Finality::of(indexed.number, finalized)))
}

/// Every chain that is followed has hashes of 32 bytes.
fn id(text: &str) -> Result<TransactionId, Error> {
    let hash: Hash = convert::parsed("hash", text)?;
    let wrong = |error: capstan_primitives::InvalidHex| Error::Field {
        field: "hash".into(),
        description: error.to_string(),
    };
    TransactionId::try_from(hash.as_bytes().as_slice()).map_err(wrong)
}

fn token_of(last: &WatchedTransaction, binding: &str) -> String {
    let key = [last.registered_at.to_be_bytes().as_slice(), last.id.as_bytes()].concat();
    PageToken { key }.encode(binding)
}

fn place_of(token: &str, binding: &str) -> Result<(i64, TransactionId), Error> {
    let key = PageToken::decode(token, binding).map_err(Error::PageToken)?.key;
    let place = key
        .split_first_chunk::<8>()
        .and_then(|(at, id)| Some((i64::from_be_bytes(*at), TransactionId::try_from(id).ok()?)));
    place.ok_or(Error::PageToken(PageTokenError::Malformed))
}
