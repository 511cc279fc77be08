// A program as a user of the types writes it; the test compiles it.

import { Emoscope, openMicrophone, type EmotionFinal, type EmoscopeEvent } from "./emoscope.js";

const client = new Emoscope("wss://host:8765", { token: "t", config: { pace: "fast", language: "en", vad: { threshold: 0.4 } } });
client
  .on("emotion.final", (event) => console.log(event.label, event.confidence, event.words[0]?.word))
  .on("status", (event) => console.log(event.lag_s.audio))
  .on("event", (event: EmoscopeEvent) => console.log(event.type))
  .on("ended", (message) => console.log(message.length))
  .on("connected", () => console.log("connected"));

export async function run(samples: Float32Array): Promise<EmotionFinal[]> {
  const finals: EmotionFinal[] = [];
  client.open();
  await client.send(samples, 48_000);
  client.flush();
  client.enroll(10);
  const microphone = await openMicrophone((block) => client.send(block), (message, lasting) => lasting || console.log(message));
  console.log(microphone.rate);
  microphone.close();
  const closed = await client.finish();
  console.log(closed.totals.utterances);
  for await (const event of client) if (event.type === "emotion.final") finals.push(event);
  return finals;
}
