//! Compiles the contract with protox, so that no protoc is needed.

use std::{env, fs, path::PathBuf};

const PACKAGES: [&str; 8] = [
    "primitives/v1/block",
    "indexer/v1/indexer",
    "indexer/v1/transactions",
    "indexer/v1/pools",
    "indexer/v1/admin",
    "market/v1/market",
    "quoter/v1/quoter",
    "gateway/v1/gateway",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=capstan");
    println!("cargo::rerun-if-changed=third_party");
    let files = PACKAGES.map(|package| format!("capstan/{package}.proto"));
    let mut compiler = protox::Compiler::new([".", "third_party"])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // The compiler's own bytes keep custom options; encoding prost's types again would lose google.api.http.
    fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;
    let mut files = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .bytes(".")
        // Much larger than the other messages of the stream.
        .boxed(".capstan.market.v1.StreamMarketsResponse.message.market")
        .boxed(".capstan.quoter.v1.StreamQuotesResponse.message.quote")
        .emit_rerun_if_changed(false)
        .compile_fds(files.clone())?;
    // The server of the event stream once more, for messages whose events are encoded already.
    let out = out.join("encoded");
    fs::create_dir_all(&out)?;
    files.file.retain(|file| file.name() == "capstan/indexer/v1/indexer.proto");
    tonic_prost_build::configure()
        .build_client(false)
        .extern_path(".capstan.indexer.v1", "crate::indexer")
        .extern_path(".capstan.indexer.v1.StreamEventsResponse", "crate::encoded::StreamEventsResponse")
        .extern_path(".capstan.primitives.v1", "crate::primitives")
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(files)?;
    Ok(())
}
