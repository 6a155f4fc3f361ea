#!/usr/bin/env python3
"""What a request costs on one process, on N processes and on threads that share a store (docs/decisions/0007).

  bench/prototypes/cores.py one|two|cluster|<options of threads.mjs> ...    run where the server is built

Two redis-benchmark processes of 25 connections each load the server, both at its one port or one at each of two
ports. Printed: requests a second, and processor time of the server for a request (all threads, all processes)."""
import os, signal, socket, subprocess, sys, tempfile, shutil, time

ROUNDS = int(os.environ.get("ROUNDS", "1"))
TESTS = [(1, 60_000), (16, 500_000), (64, 800_000)]

def cpu(pids):
    total = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / 100

def wait(port):
    for _ in range(400):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                s.sendall(b"PING\r\n"); s.settimeout(2)
                if s.recv(16): return
        except OSError: pass
        time.sleep(0.05)
    raise SystemExit(f"no server at {port}")

def family(pid):
    """A process and those that it has started."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{task}/children").read().split(): found += family(int(child))
    return found

def measure(name, commands, ports, extra=(), whole=False):
    dirs = [tempfile.mkdtemp(prefix="kept-cores-") for _ in commands]
    servers = [subprocess.Popen(c + (["--dir", d] if "threads" not in " ".join(c) else []), stdout=subprocess.DEVNULL)
               for c, d in zip(commands, dirs)]
    try:
        for port in ports: wait(port)
        if whole: time.sleep(2)
        pids = [pid for s in servers for pid in family(s.pid)]
        for _ in range(ROUNDS):
            for pipeline, count in TESTS:
                for test in ("set", "get"):
                    before, start = cpu(pids), time.time()
                    load = [subprocess.Popen(["redis-benchmark", "-p", str(ports[i % len(ports)]), "-t", test, "-c", "25",
                        "-n", str(count // 2), "-P", str(pipeline), "-d", "64", "-q", *(extra if "-r" in extra else ["-r", "100000"])],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(2)]
                    for one in load: one.wait()
                    took, used = time.time() - start, cpu(pids) - before
                    print(f"{name:28} {test} P={pipeline:<3} {count / took / 1000:7.0f} k/s {used * 1e6 / count:7.2f} us a request", flush=True)
    finally:
        for s in servers: s.send_signal(signal.SIGTERM)
        for s in servers:
            try: s.wait(20)
            except subprocess.TimeoutExpired: s.kill()
        for d in dirs: shutil.rmtree(d, ignore_errors=True)

kept = ["node", "bin/kept-server", "--port"]
for mode in sys.argv[1:]:
    if mode == "cluster":
        # The product. Each connection of --cluster has keys of its own: 50 times 2,000.
        measure("processes 2, --cluster", [kept + ["17414", "--processes", "2"]], [17414], ["--cluster", "-r", "2000"], whole=True)
    elif mode == "one": measure("one process", [kept + ["17410"]], [17410])
    elif mode == "two": measure("two processes", [kept + ["17411"], kept + ["17412"]], [17411, 17412])
    else: measure(f"threads {mode}", [["node", "bench/prototypes/threads.mjs", "--port", "17413", *mode.split()]], [17413])
