// How much of an answer's body is read, and how is what was read given back?

/** What came of reading a body up to a cap. */
export type Reading = { readonly whole: Uint8Array<ArrayBuffer> } | { readonly replayed: ReadableStream<Uint8Array<ArrayBuffer>> };

/** Reads a stream up to so many bytes; a longer one comes back as a stream that begins where it began. */
export async function readUpTo(stream: ReadableStream<Uint8Array> | null, cap: number): Promise<Reading> {
  if (stream === null) return { whole: new Uint8Array() };
  const reader = stream.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { whole: joined(chunks, size) };
    chunks.push(value);
    size += value.length;
    if (size > cap) return { replayed: replay(chunks, reader) };
  }
}

/** Ends a body that nobody reads; it may have ended by itself. */
export function discard(response: Response | undefined): void {
  if (response?.body != null && !response.body.locked) response.body.cancel().catch(() => {});
}

function joined(chunks: Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0] as Uint8Array<ArrayBuffer>;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function replay(
  chunks: Uint8Array<ArrayBuffer>[],
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const chunk = chunks.shift();
        if (chunk !== undefined) return controller.enqueue(chunk);
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
