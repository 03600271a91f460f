# Shortcuts; `./test` is the whole suite and what CI runs.

# the main job, on the simulated module
demo:
    cargo run --release -- run scripts/thingscloud/bringup.yaml --port sim:luat-air724

# everything CI runs
test:
    ./test

# measured against a minimal read/write loop on the same pty, one core
bench:
    taskset -c 0 cargo bench

# write the generated files anew: schemas, docs, expected texts
update:
    UPDATE=1 cargo test generated
