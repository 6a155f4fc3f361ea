// BullMQ as its users use it: queues that are hundreds of lines of Lua, blocking pops and streams,
// on a server in a process of its own. Every wait is for a condition, with a limit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FlowProducer, Queue, QueueEvents, Worker, type Job, type WorkerOptions } from "bullmq";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { KeptProcess } from "../support/kept-process.ts";

/** A reply that never comes ends a test, not the run. */
const LIMIT = { timeout: 60_000 };

/** A connection that was cut: what matters is what becomes of the jobs. */
function ignore(): void {}

type Processor = (job: Job) => Promise<unknown>;

/** A server, and all of BullMQ that a test opened on it. */
class Bull implements AsyncDisposable {
  readonly #directory = new TemporaryDirectory();
  readonly #open: { close(): Promise<void> }[] = [];
  readonly #workers: Worker[] = [];
  #server: KeptProcess | undefined;
  #port = 0;

  static async start(): Promise<Bull> {
    const bull = new Bull();
    await bull.serve();
    return bull;
  }

  /** On the directory and the port it had before, if there was one. */
  async serve(): Promise<void> {
    const args = ["--dir", this.#directory.path, "--port", String(this.#port)];
    this.#server = await KeptProcess.start(args);
    this.#port = this.#server.port;
  }

  async kill(): Promise<void> {
    this.#server?.signal("SIGKILL");
    await this.#server?.ended();
  }

  queue(name: string): Queue {
    const queue = new Queue(name, { connection: this.#connection() });
    queue.on("error", ignore);
    this.#open.push(queue);
    return queue;
  }

  flows(): FlowProducer {
    const flows = new FlowProducer({ connection: this.#connection() });
    flows.on("error", ignore);
    this.#open.push(flows);
    return flows;
  }

  async events(name: string): Promise<QueueEvents> {
    const events = new QueueEvents(name, { connection: this.#connection() });
    events.on("error", ignore);
    this.#open.push(events);
    await events.waitUntilReady();
    return events;
  }

  worker(name: string, run: Processor, options: Partial<WorkerOptions> = {}): Worker {
    const worker = new Worker(name, run, { connection: this.#connection(), ...options });
    worker.on("error", ignore);
    this.#workers.push(worker);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(true)));
    await Promise.all(this.#open.map((each) => each.close()));
    await this.#server?.[Symbol.asyncDispose]();
    this.#directory[Symbol.dispose]();
  }

  #connection() {
    return { port: this.#port, maxRetriesPerRequest: null, retryStrategy: () => 20 };
  }
}

/** Resolves when so many jobs of the queue are in that state, and none is elsewhere. */
async function settled(queue: Queue, state: "completed" | "failed", count: number): Promise<void> {
  await until(async () => (await queue.getJobCounts(state))[state] === count);
  const counts = await queue.getJobCounts();
  const there = Object.entries(counts).filter(([, jobs]) => jobs > 0);
  assert.deepEqual(there, [[state, count]]);
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test("jobs that are added are each done once, and their events are heard", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("plain");
  const events = await bull.events("plain");
  const heard: string[] = [];
  events.on("completed", ({ jobId, returnvalue }) => heard.push(`${jobId} ${returnvalue}`));
  const runs: number[] = [];
  bull.worker(
    "plain",
    async (job) => {
      runs.push(job.data.n);
      await job.updateProgress(50);
      return `did ${job.data.n}`;
    },
    { concurrency: 10 },
  );
  const first = await queue.add("one", { n: 0 }, { jobId: "job-0" });
  assert.equal(await first.waitUntilFinished(events, 20_000), "did 0");
  const rest = numbered(200).slice(1);
  await queue.addBulk(
    rest.map((n) => ({ name: "many", data: { n }, opts: { jobId: `job-${n}` } })),
  );
  await settled(queue, "completed", 200);
  await until(() => heard.length === 200);
  const wanted = numbered(200).map((n) => `job-${n} did ${n}`);
  assert.deepEqual(heard.toSorted(), wanted.toSorted());
  assert.deepEqual(
    runs.toSorted((a, b) => a - b),
    numbered(200),
  );
  const again = await queue.getJob("job-7");
  assert.deepEqual([again?.returnvalue, again?.progress], ["did 7", 50]);
  await queue.add("one", { n: 0 }, { jobId: "job-0" });
  await settled(queue, "completed", 200);
  await queue.obliterate();
  assert.equal(await queue.getJob("job-7"), undefined);
});

test("a delayed job waits its time, and can be promoted", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("later");
  const soon = await queue.add("soon", {}, { delay: 400 });
  const never = await queue.add("never", {}, { delay: 3_600_000 });
  assert.deepEqual([await soon.getState(), await never.getState()], ["delayed", "delayed"]);
  const done: Job[] = [];
  bull.worker("later", async (job) => done.push(job));
  await until(() => done.length === 1);
  assert.equal(done[0]?.name, "soon");
  assert.ok(Number(done[0].processedOn) - done[0].timestamp >= 400);
  assert.equal(await never.getState(), "delayed");
  await never.promote();
  await settled(queue, "completed", 2);
});

test("priorities go first, and equals in order of arrival", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("urgent");
  const all = numbered(60).map((n) => ({ n, priority: (n * 7) % 5 }));
  for (const { n, priority } of all) {
    // oxlint-disable-next-line no-await-in-loop -- the order of arrival is the point
    await queue.add("job", { n }, { priority });
  }
  const order: number[] = [];
  bull.worker("urgent", async (job) => order.push(job.data.n));
  await settled(queue, "completed", 60);
  const wanted = all.toSorted((a, b) => (a.priority - b.priority) * 1000 + a.n - b.n);
  assert.deepEqual(
    order,
    wanted.map(({ n }) => n),
  );
});

test("what fails is tried again after its backoff, and then stays failed", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("hard");
  const tries: number[] = [];
  let isMended = false;
  bull.worker("hard", async (job) => {
    tries.push(Number(job.processedOn));
    if (!isMended) throw new Error(`try ${job.attemptsMade}`);
  });
  const backoff = { type: "exponential", delay: 100 };
  const job = await queue.add("job", {}, { attempts: 3, backoff });
  await settled(queue, "failed", 1);
  const failed = await queue.getJob(String(job.id));
  assert.deepEqual([failed?.attemptsMade, failed?.failedReason], [3, "try 2"]);
  assert.equal(failed?.stacktrace?.length, 3);
  const [first = 0, second = 0, third = 0] = tries;
  assert.ok(second - first >= 100 && third - second >= 200, String(tries));
  isMended = true;
  await failed?.retry();
  await settled(queue, "completed", 1);
  assert.equal(tries.length, 4);
});

test("a parent waits for its children and reads what they gave", LIMIT, async () => {
  await using bull = await Bull.start();
  const [parents, children] = [bull.queue("parents"), bull.queue("children")];
  const flow = await bull.flows().add({
    name: "sum",
    queueName: "parents",
    children: numbered(10).map((n) => ({ name: "child", queueName: "children", data: { n } })),
  });
  assert.equal(await flow.job.getState(), "waiting-children");
  const sums: number[] = [];
  bull.worker("parents", async (job) => {
    const values = Object.values(await job.getChildrenValues<number>());
    sums.push(values.reduce((sum, value) => sum + value, 0));
  });
  bull.worker("children", async (job) => job.data.n * 2, { concurrency: 3 });
  await settled(children, "completed", 10);
  await settled(parents, "completed", 1);
  assert.deepEqual(sums, [90]);
  assert.deepEqual(await flow.job.getDependenciesCount(), {
    processed: 10,
    unprocessed: 0,
    failed: 0,
    ignored: 0,
  });
});

test("a scheduler makes a job every so often, as many as it may", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("clock");
  const done: Job[] = [];
  bull.worker("clock", async (job) => done.push(job));
  const every = { every: 200, limit: 4 };
  await queue.upsertJobScheduler("tick", every, { name: "tick", data: { a: 1 } });
  const [scheduler] = await queue.getJobSchedulers();
  assert.deepEqual([scheduler?.key, scheduler?.every, scheduler?.limit], ["tick", 200, 4]);
  await settled(queue, "completed", 4);
  // The moment a job is due is the end of its name; a late worker leaves moments out.
  const due = done.map((job) => Number(String(job.id).split(":").at(-1)));
  for (const [index, moment] of due.entries()) {
    assert.ok(Number(done[index]?.processedOn) >= moment, String(due));
    const step = moment - (due[index - 1] ?? moment - 200);
    assert.ok(step > 0 && step % 200 === 0, String(due));
  }

  await queue.upsertJobScheduler("daily", { pattern: "0 3 * * *" }, { name: "daily" });
  assert.equal(await queue.getDelayedCount(), 1);
  assert.equal(await queue.removeJobScheduler("daily"), true);
  assert.equal(await queue.getDelayedCount(), 0);
});

test("a rate limit holds across workers", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("slow");
  const limiter = { max: 3, duration: 300 };
  await queue.addBulk(numbered(9).map((n) => ({ name: "job", data: { n } })));
  const times: number[] = [];
  const run: Processor = async () => times.push(Date.now());
  const start = Date.now();
  bull.worker("slow", run, { limiter });
  bull.worker("slow", run, { limiter });
  await settled(queue, "completed", 9);
  // Three windows: the last begins two durations after the first, give or take a rounding.
  assert.ok((times[8] ?? 0) - start >= 590, String(times));
});

test("a job whose worker fell silent is given to another", LIMIT, async () => {
  await using bull = await Bull.start();
  const queue = bull.queue("stalled");
  let isTaken = false;
  const silent = bull.worker(
    "stalled",
    () => {
      isTaken = true;
      return new Promise(() => {
        // Never done.
      });
    },
    { lockDuration: 300, skipLockRenewal: true, skipStalledCheck: true },
  );
  const job = await queue.add("job", {});
  await until(() => isTaken);
  assert.equal(await job.getState(), "active");
  await silent.close(true);
  const stalled: string[] = [];
  const other = bull.worker("stalled", async () => "done by the other", { stalledInterval: 200 });
  other.on("stalled", (id) => stalled.push(id));
  await settled(queue, "completed", 1);
  const after = await queue.getJob(String(job.id));
  assert.deepEqual([after?.returnvalue, after?.stalledCounter], ["done by the other", 1]);
  assert.deepEqual(stalled, [job.id]);
});

test(
  "a server killed in the middle of the work loses no job, and none that was settled is done again",
  LIMIT,
  async () => {
    await using bull = await Bull.start();
    const queue = bull.queue("work");
    const [count, concurrency] = [400, 5];
    const ids = numbered(count).map((n) => `job-${n}`);
    const runs = new Map<string, number>();
    const settledIds = new Set<string>();
    const doneAgain: string[] = [];
    const options = { concurrency, lockDuration: 3000, stalledInterval: 1000, maxStalledCount: 10 };
    const run: Processor = async (job) => {
      const id = String(job.id);
      runs.set(id, (runs.get(id) ?? 0) + 1);
      if (settledIds.has(id)) doneAgain.push(id);
      await job.log("working");
    };
    for (const worker of [bull.worker("work", run, options), bull.worker("work", run, options)]) {
      worker.on("completed", (job) => settledIds.add(String(job.id)));
    }
    const added = ids.map((jobId, n) => queue.add("job", { n }, { jobId, delay: n % 3 }));
    await until(() => settledIds.size >= count / 4);
    await bull.kill();
    const before = new Set(settledIds);
    assert.ok(before.size < count, "killed too late to matter");
    await bull.serve();
    await Promise.all(added);
    await settled(queue, "completed", count);

    const completed = await queue.getJobs("completed");
    assert.deepEqual(completed.map((job) => String(job.id)).toSorted(), ids.toSorted());
    assert.deepEqual(doneAgain, []);
    // Those at work when the server died may run a second time, and no others.
    const twice = [...runs.values()].filter((times) => times > 1);
    assert.ok(twice.length <= 2 * concurrency, `${twice.length} jobs ran more than once`);
  },
);
