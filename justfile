# Shortcuts; `./test` is the whole suite and what CI runs.

# the station of README.md, on the simulated module: a quarter of an hour in fifteen seconds
demo:
    cargo run --release -- run scripts/thingscloud/station.yaml --port sim:luat-air724 --scenario scripts/thingscloud/demo.yaml --speed 60x --for 15m

# everything CI runs
test:
    ./test

# measured against a minimal read/write loop on the same pty, one core
bench:
    taskset -c 0 cargo bench

# write the generated files anew: schemas, docs, expected texts
update:
    UPDATE=1 cargo test generated
