//! Which route a method and a path lead to: a tree of segments where a literal beats a variable.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::template::{PathParts, Segment, Template, decode};

/// Every route of the gateway, each with a value of type `T`.
#[derive(Debug)]
pub struct Routes<T> {
    root: Node,
    routes: Vec<Route<T>>,
}

/// A method, a template and what they lead to.
#[derive(Debug)]
pub struct Route<T> {
    /// The HTTP method.
    pub method: Method,
    /// The path template.
    pub template: Template,
    /// What the route leads to.
    pub target: T,
}

/// Where a request leads.
#[derive(Debug)]
pub enum Found<'r, 'p, T> {
    /// To this route; the path is as the route reads it.
    Route(&'r Route<T>, PathParts<'p>),
    /// The path is known, but only with these methods.
    OtherMethods(BTreeSet<String>),
    /// The path is not known.
    Nothing,
}

#[derive(Debug, Default)]
struct Node {
    literals: BTreeMap<String, Node>,
    one: Option<Box<Node>>,
    rest: Ends,
    ends: Ends,
}

// Indexes of routes by verb and method.
type Ends = BTreeMap<Option<String>, BTreeMap<String, usize>>;

/// Two routes that no request can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another route has the same method and the same path")]
pub struct Duplicate;

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { root: Node::default(), routes: Vec::new() }
    }
}

impl<T> Routes<T> {
    /// Adds a route.
    ///
    /// # Errors
    /// When a route with the same method and an equivalent template is there already.
    pub fn insert(&mut self, route: Route<T>) -> Result<(), Duplicate> {
        let index = self.routes.len();
        let ends = self.root.ends_of(&route.template.segments);
        let methods = ends.entry(route.template.verb.clone()).or_default();
        if methods.insert(route.method.to_string(), index).is_some() {
            return Err(Duplicate);
        }
        self.routes.push(route);
        Ok(())
    }

    /// Every route, in the order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = &Route<T>> {
        self.routes.iter()
    }

    /// Finds the route of a request. `HEAD` is served by the route of `GET`.
    #[must_use]
    pub fn find<'p>(&self, method: &Method, path: &'p str) -> Found<'_, 'p, T> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        let mut others = BTreeSet::new();
        for reading in PathParts::readings(path) {
            let mut search = Search { method, verb: reading.verb, others: &mut others };
            let found = search.descend(&self.root, &reading.segments);
            if let Some(route) = found.and_then(|index| self.routes.get(index)) {
                return Found::Route(route, reading);
            }
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
    }
}

impl Node {
    fn ends_of(&mut self, segments: &[Segment]) -> &mut Ends {
        match segments.split_first() {
            None => &mut self.ends,
            Some((Segment::Rest, _)) => &mut self.rest,
            Some((Segment::One, rest)) => self.one.get_or_insert_default().ends_of(rest),
            Some((Segment::Literal(text), rest)) => {
                self.literals.entry(text.clone()).or_default().ends_of(rest)
            }
        }
    }
}

struct Search<'s> {
    method: &'s str,
    verb: Option<&'s str>,
    others: &'s mut BTreeSet<String>,
}

impl Search<'_> {
    // Visits every node at most once, so a hostile path costs no more than the size of the tree.
    fn descend(&mut self, node: &Node, segments: &[&str]) -> Option<usize> {
        let Some((first, after)) = segments.split_first() else {
            return self.end(&node.ends).or_else(|| self.end(&node.rest));
        };
        if let Ok(text) = decode(first)
            && let Some(next) = node.literals.get(text.as_ref())
            && let Some(found) = self.descend(next, after)
        {
            return Some(found);
        }
        if let Some(next) = node.one.as_ref().filter(|_| !first.is_empty())
            && let Some(found) = self.descend(next, after)
        {
            return Some(found);
        }
        self.end(&node.rest)
    }

    fn end(&mut self, ends: &Ends) -> Option<usize> {
        let methods =
            ends.iter().find(|(verb, _)| verb.as_deref() == self.verb).map(|(_, methods)| methods)?;
        let found = methods.get(self.method).copied();
        if found.is_none() {
            self.others.extend(methods.keys().cloned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn routes(list: &[(&str, &str)]) -> Routes<String> {
        let mut routes = Routes::default();
        for (method, text) in list {
            let route = Route {
                method: method.parse().unwrap(),
                template: Template::parse(text).unwrap(),
                target: (*text).to_owned(),
            };
            routes.insert(route).unwrap();
        }
        routes
    }

    fn found(routes: &Routes<String>, method: &str, path: &str) -> Option<(String, Vec<String>)> {
        match routes.find(&method.parse().unwrap(), path) {
            Found::Route(route, parts) => {
                let values = route.template.variables.iter();
                let values = values.map(|v| v.value(&parts, &route.template).unwrap());
                Some((route.target.clone(), values.collect()))
            }
            _ => None,
        }
    }

    #[test]
    fn a_literal_beats_a_variable_and_a_variable_beats_the_rest() {
        let routes = routes(&[("GET", "/a/{x}"), ("GET", "/a/b"), ("GET", "/a/{x=**}")]);
        assert_eq!(found(&routes, "GET", "/a/b").unwrap().0, "/a/b");
        assert_eq!(found(&routes, "GET", "/a/c").unwrap(), ("/a/{x}".into(), vec!["c".into()]));
        assert_eq!(found(&routes, "GET", "/a/c/d").unwrap().1, ["c/d"]);
        assert_eq!(found(&routes, "GET", "/a").unwrap().1, [""]);
    }

    #[test]
    fn a_literal_without_the_method_gives_way_to_a_variable_with_it() {
        let routes = routes(&[("GET", "/a/search"), ("POST", "/a/{x}")]);
        assert_eq!(found(&routes, "POST", "/a/search").unwrap().1, ["search"]);
    }

    #[test]
    fn a_dead_end_behind_a_literal_is_left_again() {
        let routes = routes(&[("GET", "/a/b/c"), ("GET", "/a/{x}/d")]);
        assert_eq!(found(&routes, "GET", "/a/b/d").unwrap().1, ["b"]);
    }

    #[test]
    fn a_verb_beats_a_colon_in_a_value() {
        let routes = routes(&[("GET", "/a/{x}"), ("POST", "/a/{x}:cancel")]);
        assert_eq!(found(&routes, "POST", "/a/7:cancel").unwrap().1, ["7"]);
        assert_eq!(found(&routes, "GET", "/a/eip155:1").unwrap().1, ["eip155:1"]);
        assert_eq!(found(&routes, "POST", "/a/7%3Acancel"), None);
    }

    #[test]
    fn a_known_path_with_another_method_names_the_methods() {
        let routes = routes(&[("GET", "/a/{x}"), ("PUT", "/a/{x}")]);
        match routes.find(&Method::DELETE, "/a/1") {
            Found::OtherMethods(methods) => assert_eq!(Vec::from_iter(methods), ["GET", "PUT"]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn empty_segments_and_trailing_slashes_do_not_match() {
        let routes = routes(&[("GET", "/a/{x}")]);
        for path in ["/a/", "/a//", "//a/x", "/a/x/", "/", ""] {
            assert_eq!(found(&routes, "GET", path), None, "{path}");
        }
    }

    #[test]
    fn an_escaped_slash_stays_in_one_segment_and_is_kept_escaped_in_several() {
        let routes = routes(&[("GET", "/a/{x}"), ("GET", "/b/{x=**}")]);
        assert_eq!(found(&routes, "GET", "/a/p%2Fq%20r").unwrap().1, ["p/q r"]);
        assert_eq!(found(&routes, "GET", "/b/p%2fq%20r/s").unwrap().1, ["p%2Fq r/s"]);
        assert_eq!(found(&routes, "GET", "/%61/x").unwrap().1, ["x"]);
    }

    #[test]
    fn two_routes_that_look_alike_are_refused() {
        let mut routes = routes(&[("GET", "/a/{x}")]);
        let template = Template::parse("/a/{y}").unwrap();
        let twin = Route { method: Method::GET, template, target: String::new() };
        assert_eq!(routes.insert(twin), Err(Duplicate));
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_was_encoded(value in "\\PC{1,20}") {
            let routes = routes(&[("GET", "/v1/markets/{id}/prices"), ("GET", "/v1/markets/{id}")]);
            let set = percent_encoding::NON_ALPHANUMERIC;
            let encoded = percent_encoding::utf8_percent_encode(&value, set);
            for path in [format!("/v1/markets/{encoded}"), format!("/v1/markets/{encoded}/prices")] {
                let (_, values) = found(&routes, "GET", &path).unwrap();
                prop_assert_eq!(&values, std::slice::from_ref(&value));
            }
        }

        #[test]
        fn no_path_makes_the_matcher_panic(path in "[/a-z%:*{}0-9]{0,40}") {
            let routes = routes(&[("GET", "/a/{x=b/*/c/**}:go"), ("GET", "/{x}"), ("GET", "/a/*")]);
            let _ = routes.find(&Method::GET, &path);
        }
    }
}
