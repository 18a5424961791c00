//! `capstan.gateway.v1.GatewayService`, served from inside the gateway.

use capstan_proto::gateway::{
    GetHealthRequest, GetHealthResponse, GetStatusRequest, GetStatusResponse, ServiceStatus,
    gateway_service_server::GatewayService,
};
use tonic::{Request, Response, Status, async_trait, metadata::MetadataValue};

use super::rest::HTTP_CODE;
use crate::{domain::platform::Survey, operations::platform::Platform};

/// The service on top of the operations.
#[derive(Debug, Clone)]
pub struct GatewayRpc {
    platform: Platform,
}

impl GatewayRpc {
    /// Answers for `platform`.
    #[must_use]
    pub const fn new(platform: Platform) -> Self {
        Self { platform }
    }
}

#[async_trait]
impl GatewayService for GatewayRpc {
    async fn get_health(&self, _: Request<GetHealthRequest>) -> Result<Response<GetHealthResponse>, Status> {
        let survey = self.platform.survey().await;
        let mut response = Response::new(GetHealthResponse {
            status: verdict(&survey).to_owned(),
            database: if survey.database_ok() { "ok" } else { "unavailable" }.to_owned(),
            indexer: match survey.indexer {
                Some(indexer) if indexer.ok => "ok",
                Some(_) => "degraded",
                None => "unavailable",
            }
            .to_owned(),
            uptime: self.platform.uptime(),
        });
        if !survey.is_ok() {
            let code = MetadataValue::from_static("503");
            response.metadata_mut().insert(HTTP_CODE, code);
        }
        Ok(response)
    }

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let (survey, chains) = self.platform.survey_with_chains().await;
        let status = verdict(&survey).to_owned();
        let services = survey
            .peers
            .into_iter()
            .map(|(name, health)| ServiceStatus { name, health: health.as_str().to_owned() });
        Ok(Response::new(GetStatusResponse {
            status,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: self.platform.uptime(),
            services: services.collect(),
            chains,
        }))
    }
}

fn verdict(survey: &Survey) -> &'static str {
    if survey.is_ok() { "ok" } else { "degraded" }
}
