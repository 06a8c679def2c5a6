// Everything that openapi-fetch does with the service, by the types of openapi-typescript; it throws where something is
// wrong.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Schemas = components["schemas"];
const baseUrl = process.env.AETHER_URL!;
const headers = { Authorization: `Bearer ${process.env.AETHER_KEY}` };
const client = createClient<paths>({ baseUrl, headers });

async function submit(topic: string): Promise<string> {
  return ask({ topic });
}

async function ask(body: Schemas["ReportBody"]): Promise<string> {
  const { data, error } = await client.POST("/reports", {
    params: { header: { "Idempotency-Key": randomUUID() } },
    body,
  });
  assert(data, JSON.stringify(error));
  return data.jobId;
}

async function completed(jobId: string): Promise<Schemas["Report"]> {
  for (;;) {
    const { data: job, error } = await client.GET("/reports/{jobId}", { params: { path: { jobId } } });
    assert(job, JSON.stringify(error));
    if (job.status === "completed") return job.report;
    assert(job.status === "pending" || job.status === "processing", job.status);
    await sleep(50);
  }
}

async function pages(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await client.GET("/reports", { params: { query: { limit: 1, cursor } } });
    assert(data);
    ids.push(...data.reports.map((job) => job.jobId));
    cursor = data.nextCursor;
  } while (cursor);
  return ids;
}

function wrong(error: Schemas["ProblemDetails"] | undefined, status: number): Schemas["ProblemDetails"] {
  assert.equal(error?.status, status);
  return error!;
}

async function useTemplates(): Promise<void> {
  const sections = [{ title: "About {{company}}" }, { title: "Outlook" }];
  const { data: stored } = await client.PUT("/templates/{name}", {
    params: { path: { name: "market-brief" } },
    body: { title: "Market brief", sections, variables: { company: {} } },
  });
  assert(stored);
  const path = { name: stored.reference };
  const { data: shown } = await client.GET("/templates/{name}", { params: { path } });
  assert.deepEqual(shown?.sections, sections);
  const variables = { company: "ACME" };
  let jobId = await ask({ topic: "Bicycles", template: stored.reference, variables });
  assert.deepEqual((await completed(jobId)).outline, ["I. About ACME", "II. Outlook"]);
  await client.DELETE("/reports/{jobId}", { params: { path: { jobId } } });
  await client.DELETE("/templates/{name}", { params: { path } });
  wrong((await client.GET("/templates/{name}", { params: { path } })).error, 404);

  const outline = ["Rise", { title: "Fall", covers: "How it ended.", length: "brief" as const }];
  jobId = await ask({ topic: "Rome", outline });
  assert.deepEqual((await completed(jobId)).outline, ["I. Rise", "II. Fall"]);
  await client.DELETE("/reports/{jobId}", { params: { path: { jobId } } });
}

async function writeReports(): Promise<void> {
  const written = await submit("Rome");
  const report = await completed(written);
  assert.deepEqual(Object.keys(report.sections), report.outline);
  const stream = await client.GET("/reports/{jobId}/events", {
    params: { path: { jobId: written } },
    parseAs: "text",
  });
  assert.match(String(stream.data), /^event: completed$/m);

  const stopped = await submit("Carthage");
  const params = { path: { jobId: stopped } };
  assert.equal((await client.POST("/reports/{jobId}/cancel", { params })).data?.status, "cancelled");
  const again = await client.POST("/reports/{jobId}/retry", { params, body: { maxTokens: 99_999 } });
  assert.equal(again.response.status, 202);
  await completed(stopped);

  assert.deepEqual(await pages(), [stopped, written]);
  for (const jobId of [written, stopped]) {
    assert.equal((await client.DELETE("/reports/{jobId}", { params: { path: { jobId } } })).response.status, 204);
  }
  assert.deepEqual(await pages(), []);
  const { error } = await client.GET("/reports/{jobId}", { params });
  assert.equal(wrong(error, 404).type, "urn:aether:problem:unknown-job");
}

async function makeAChecklist(): Promise<void> {
  const accepted = await client.POST("/jobs", { body: { input_text: "Wash your hands before meals." } });
  // With `Prefer: wait=N` it might be the job itself.
  assert(accepted.data && "event_id" in accepted.data);
  const params = { path: { event_id: accepted.data.event_id } };
  let job: Schemas["ChecklistJob"] | undefined;
  do {
    await sleep(50);
    job = (await client.GET("/jobs/{event_id}", { params })).data;
  } while (job?.status === "pending" || job?.status === "running");
  assert.match(job?.checklist ?? "", /^- /);
}

async function makeAnImage(): Promise<void> {
  const accepted = await client.POST("/api/generation", { body: { prompt: "A lighthouse", count: 1 } });
  assert(accepted.data);
  const { generationId } = accepted.data;
  let job: Schemas["GenerationJob"] | undefined;
  do {
    await sleep(50);
    job = (await client.GET("/api/generation/{generationId}", { params: { path: { generationId } } })).data;
  } while (job?.status === "PENDING");
  const image = await client.GET("/api/generation/{generationId}/images/{position}", {
    params: { path: { generationId, position: 0 } },
    parseAs: "arrayBuffer",
  });
  assert.equal(Buffer.from(image.data!).toString("latin1", 1, 4), "PNG");
}

async function beRefused(): Promise<void> {
  const broken = await client.POST("/reports", { body: { topic: " " } });
  assert.deepEqual(wrong(broken.error, 422).errors?.map((rule) => rule.field), ["topic"]);
  const stranger = createClient<paths>({ baseUrl, headers: { Authorization: "Bearer aether_nobody" } });
  wrong((await stranger.GET("/reports")).error, 401);
}

await writeReports();
await useTemplates();
await makeAChecklist();
await makeAnImage();
await beRefused();
