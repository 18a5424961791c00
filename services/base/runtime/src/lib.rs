//! What every Capstan process needs: configuration, telemetry, server, health, tasks, event follower.
