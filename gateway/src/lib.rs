//! REST, gRPC-web and the browser app in front of every Capstan service, driven by the contract.
