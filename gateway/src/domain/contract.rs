//! The HTTP side of a contract: which methods and paths lead to which rpc, read from its descriptors.

use std::sync::Arc;

use capstan_proto::google::api::{CustomHttpPattern, HttpRule, http_rule::Pattern};
use http::{Method, uri::PathAndQuery};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MethodDescriptor, Value};

use super::{
    fields::{self, FieldPath},
    routes::{Duplicate, Route, Routes},
    template::{InvalidTemplate, Template},
};

const HTTP_OPTION: &str = "google.api.http";

/// A contract with its HTTP routes.
#[derive(Debug)]
pub struct Contract {
    pool: DescriptorPool,
    routes: Routes<Arc<Binding>>,
}

/// One way to reach one rpc over HTTP.
#[derive(Debug)]
pub struct Binding {
    /// The rpc.
    pub method: MethodDescriptor,
    /// Where gRPC has it: `/package.Service/Method`.
    pub grpc_path: PathAndQuery,
    /// The path template as the contract writes it; at most one per rpc and alias, fit for a label.
    pub template: String,
    /// The request field of every variable of the template, in order.
    pub variables: Vec<FieldPath>,
    /// What the request body holds.
    pub body: Body,
    /// The response field that becomes the response body; the whole message when absent.
    pub response_body: Option<FieldDescriptor>,
}

/// What the body of a request holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Nothing that matters.
    None,
    /// The whole request message.
    Message,
    /// This field of it.
    Field(FieldDescriptor),
}

/// A contract that cannot be served over HTTP; a mistake of whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidContract {
    /// The bytes are not a descriptor set.
    #[error("decode descriptor set")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// An option is not what its extension says.
    #[error("{rpc}: read {HTTP_OPTION}")]
    Option {
        /// The rpc.
        rpc: String,
        /// What the decoder says.
        source: prost::DecodeError,
    },
    /// A rule has no method and path, or one that cannot be used.
    #[error("{rpc}: the http rule has no usable method and path")]
    Pattern {
        /// The rpc.
        rpc: String,
    },
    /// A path template is wrong.
    #[error("{rpc}: path template {template}")]
    Template {
        /// The rpc.
        rpc: String,
        /// The template.
        template: String,
        /// What is wrong with it.
        source: InvalidTemplate,
    },
    /// A rule names a field that its message does not have, or that cannot be used there.
    #[error("{rpc}: field {field} cannot be used in the http rule")]
    Field {
        /// The rpc.
        rpc: String,
        /// The field.
        field: String,
    },
    /// Two rules have the same method and path.
    #[error("{rpc}: path {template}")]
    Duplicate {
        /// The rpc.
        rpc: String,
        /// The template.
        template: String,
        /// That it is taken.
        source: Duplicate,
    },
}

impl Contract {
    /// Reads an encoded `google.protobuf.FileDescriptorSet` with its custom options.
    ///
    /// # Errors
    /// Names the rpc whose annotation cannot be served, and why.
    pub fn read(descriptors: &[u8]) -> Result<Self, InvalidContract> {
        let pool = DescriptorPool::decode(descriptors)?;
        let mut routes = Routes::default();
        for method in pool.services().flat_map(|s| s.methods().collect::<Vec<_>>()) {
            if method.is_client_streaming() || method.is_server_streaming() {
                continue;
            }
            for rule in rules_of(&pool, &method)? {
                add(&mut routes, &method, rule)?;
            }
        }
        Ok(Self { pool, routes })
    }

    /// Every route of the contract.
    #[must_use]
    pub fn routes(&self) -> &Routes<Arc<Binding>> {
        &self.routes
    }

    /// The descriptors.
    #[must_use]
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The rpc that a gRPC path `/package.Service/Method` names.
    #[must_use]
    pub fn rpc(&self, path: &str) -> Option<MethodDescriptor> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.pool.get_service_by_name(service)?;
        service.methods().find(|candidate| candidate.name() == method)
    }
}

fn rules_of(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<Vec<HttpRule>, InvalidContract> {
    let options = method.options();
    let Some(extension) = pool.get_extension_by_name(HTTP_OPTION) else {
        return Ok(Vec::new());
    };
    if !options.has_extension(&extension) {
        return Ok(Vec::new());
    }
    let value = options.get_extension(&extension);
    let Value::Message(message) = value.as_ref() else {
        return Ok(Vec::new());
    };
    let mut rule: HttpRule =
        message.transcode_to().map_err(|source| InvalidContract::Option { rpc: rpc_name(method), source })?;
    let more = std::mem::take(&mut rule.additional_bindings);
    Ok(std::iter::once(rule).chain(more).collect())
}

fn add(
    routes: &mut Routes<Arc<Binding>>,
    rpc: &MethodDescriptor,
    rule: HttpRule,
) -> Result<(), InvalidContract> {
    let no_pattern = || InvalidContract::Pattern { rpc: rpc_name(rpc) };
    let (method, text) = pattern_of(rule.pattern).ok_or_else(no_pattern)?;
    let template = Template::parse(&text).map_err(|source| InvalidContract::Template {
        rpc: rpc_name(rpc),
        template: text.clone(),
        source,
    })?;
    let variables = template.variables.iter().map(|variable| {
        let names = variable.field.iter().map(String::as_str);
        fields::resolve(&rpc.input(), names)
            .filter(|path| path.last().is_some_and(is_one_scalar))
            .ok_or_else(|| no_field(rpc, &variable.field.join(".")))
    });
    let binding = Binding {
        grpc_path: grpc_path(rpc).ok_or_else(no_pattern)?,
        variables: variables.collect::<Result<_, _>>()?,
        body: body_of(rpc, &rule.body)?,
        response_body: response_body_of(rpc, &rule.response_body)?,
        method: rpc.clone(),
        template: text.clone(),
    };
    let route = Route { method, template, target: Arc::new(binding) };
    routes.insert(route).map_err(|source| InvalidContract::Duplicate {
        rpc: rpc_name(rpc),
        template: text,
        source,
    })
}

fn pattern_of(pattern: Option<Pattern>) -> Option<(Method, String)> {
    match pattern? {
        Pattern::Get(path) => Some((Method::GET, path)),
        Pattern::Put(path) => Some((Method::PUT, path)),
        Pattern::Post(path) => Some((Method::POST, path)),
        Pattern::Delete(path) => Some((Method::DELETE, path)),
        Pattern::Patch(path) => Some((Method::PATCH, path)),
        Pattern::Custom(CustomHttpPattern { kind, path }) => Some((kind.parse().ok()?, path)),
    }
}

fn body_of(rpc: &MethodDescriptor, name: &str) -> Result<Body, InvalidContract> {
    match name {
        "" => Ok(Body::None),
        "*" => Ok(Body::Message),
        _ => {
            let field = rpc.input().get_field_by_name(name);
            field.map(Body::Field).ok_or_else(|| no_field(rpc, name))
        }
    }
}

fn response_body_of(rpc: &MethodDescriptor, name: &str) -> Result<Option<FieldDescriptor>, InvalidContract> {
    if name.is_empty() {
        return Ok(None);
    }
    let field = rpc.output().get_field_by_name(name);
    field.map(Some).ok_or_else(|| no_field(rpc, name))
}

fn is_one_scalar(field: &FieldDescriptor) -> bool {
    !field.is_list() && !field.is_map() && !matches!(field.kind(), Kind::Message(_))
}

fn grpc_path(rpc: &MethodDescriptor) -> Option<PathAndQuery> {
    let service = rpc.parent_service();
    format!("/{}/{}", service.full_name(), rpc.name()).parse().ok()
}

fn rpc_name(rpc: &MethodDescriptor) -> String {
    rpc.full_name().to_owned()
}

fn no_field(rpc: &MethodDescriptor, field: &str) -> InvalidContract {
    InvalidContract::Field { rpc: rpc_name(rpc), field: field.to_owned() }
}
