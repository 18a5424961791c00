//! gRPC through the gateway, with the clients of the contract.

use std::collections::BTreeMap;

use capstan_gateway::{Gateway, config::Config};
use capstan_primitives::Clock;
use capstan_proto::{
    gateway::{GetStatusRequest, gateway_service_client::GatewayServiceClient},
    indexer::{StreamEventsRequest, indexer_service_client::IndexerServiceClient},
    market::{
        GetMarketRequest, GetMarketResponse, Market, StreamMarketsRequest,
        market_service_client::MarketServiceClient,
    },
};
use capstan_runtime::{Instance, Platform, bind, start};
use futures::StreamExt;
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    backend::script,
    edge::{Edge, Setup},
};

#[tokio::test]
async fn a_unary_call_keeps_its_metadata_and_gets_a_deadline() {
    let edge = Edge::start().await;
    edge.backend.answers(|| {
        let market = Market { market_id: "0xabc".into(), ..Default::default() };
        Ok(GetMarketResponse { market: Some(market), as_of: None })
    });
    let mut client = MarketServiceClient::new(edge.channel());
    let mut request = Request::new(GetMarketRequest { market_id: "0xabc".into(), chain_id: 0 });
    request.metadata_mut().insert("x-request-id", "grpc-1".parse().unwrap());
    request.metadata_mut().insert_bin("x-trace-bin", tonic::metadata::MetadataValue::from_bytes(&[0, 255]));
    let answer = client.get_market(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "grpc-1");
    assert_eq!(answer.into_inner().market.unwrap().market_id, "0xabc");
    let (_, metadata) = edge.backend.asked::<GetMarketRequest>();
    assert_eq!(metadata.get("x-request-id").unwrap(), "grpc-1");
    assert_eq!(metadata.get("grpc-timeout").unwrap(), "10000m");
    assert_eq!(metadata.get_bin("x-trace-bin").unwrap().to_bytes().unwrap().as_ref(), [0, 255]);
}

#[tokio::test]
async fn a_stream_arrives_whole_with_its_end() {
    let edge = Edge::start().await;
    let mut client = MarketServiceClient::new(edge.channel());
    let stream = client.stream_markets(StreamMarketsRequest::default()).await.unwrap();
    let items: Vec<_> = stream.into_inner().collect().await;
    let (end, messages) = items.split_last().unwrap();
    let messages: Vec<_> = messages.iter().map(|message| message.clone().unwrap()).collect();
    assert_eq!(messages, script());
    let end = end.as_ref().unwrap_err();
    assert_eq!((end.code(), end.message()), (Code::Aborted, "enough: 100%"));
    let (_, metadata) = edge.backend.asked::<StreamMarketsRequest>();
    assert!(metadata.get("grpc-timeout").is_none(), "a stream lasts as long as it lasts");

    let mut client = IndexerServiceClient::new(edge.channel());
    let stream = client.stream_events(StreamEventsRequest::default()).await.unwrap();
    assert_eq!(stream.into_inner().count().await, 0);
}

#[tokio::test]
async fn a_refusal_arrives_with_its_details() {
    let edge = Edge::start().await;
    edge.backend.answers::<GetMarketResponse>(|| {
        let details = ErrorDetails::with_bad_request_violation("market_id", "not hex");
        Err(Status::with_error_details(Code::InvalidArgument, "market_id: not hex", details))
    });
    let mut client = MarketServiceClient::new(edge.channel());
    let status = client.get_market(GetMarketRequest::default()).await.unwrap_err();
    let details = status.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "market_id");
}

#[tokio::test]
async fn a_service_that_is_away_or_unknown_is_said_in_grpc() {
    let setup = Setup { peers: Some(BTreeMap::new()), down: vec!["market"], ..Setup::default() };
    let edge = Edge::with(setup).await;
    let mut client = MarketServiceClient::new(edge.channel());
    let status = client.get_market(GetMarketRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "peer market is not reachable"));
    let mut client = IndexerServiceClient::new(edge.channel());
    let status = client.stream_events(StreamEventsRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "peer indexer is not configured"));
    let mut client = HealthClient::new(edge.channel());
    let status = client.check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unimplemented, "no such rpc"));
}

#[tokio::test]
async fn the_gateways_own_service_answers_in_grpc_too() {
    let edge = Edge::start().await;
    let mut client = GatewayServiceClient::new(edge.channel());
    let status = client.get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_running_service_reports_health_and_reflects_the_whole_contract() {
    let config = Config::default();
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let instance = Instance { platform: Platform::default(), config, clock: Clock::System };
    let listener = bind::<Gateway>(listen).await.unwrap();
    let running = start::<Gateway>(listener, instance).await.unwrap();
    let channel = tonic::transport::Channel::from_shared(running.url()).unwrap().connect_lazy();

    let service = "capstan.gateway.v1.GatewayService".to_owned();
    let mut health = HealthClient::new(channel.clone());
    let answer = health.check(HealthCheckRequest { service }).await.unwrap().into_inner();
    assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);

    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest { message_request, ..Default::default() };
    let mut reflection = ServerReflectionClient::new(channel);
    let stream = reflection.server_reflection_info(futures::stream::iter([request])).await.unwrap();
    let answer = stream.into_inner().next().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    for service in ["market.v1.MarketService", "indexer.v1.IndexerService", "gateway.v1.GatewayService"] {
        assert!(names.contains(&format!("capstan.{service}")), "{names:?}");
    }
    running.stop(std::time::Duration::from_secs(5)).await;
}
