// Files of any size between a page and a server, over streams of bytes. A transfer goes on where it was, also after a reload of the page
// or a restart of the server, and a file is in its place only if its SHA-256 is right. The server has package core/files of Go.
//
//     import { connect } from "./hisock.js";
//     import { download, StoredTarget, upload } from "./files.js";
//
//     const client = await connect("/ws", { engine: "js" });
//     await upload(client, "upload", file.name, file, { onProgress: show });
//
//     const to = new StoredTarget("holiday.mp4");
//     await download(client, "download", "holiday.mp4", to, { onProgress: show });
//     link.href = URL.createObjectURL(await to.file());

import type { ByteStreams, Bytes, Client, Sendable } from "./hisock.d.ts";

/** What is sent. A Blob or a File can be read again, from any offset. A stream can be read once, and its size is not known. */
export type Source = Blob | ReadableStream<Bytes>;

/**
 * Where a file is received. What has come stays when a transfer breaks off, and the next transfer goes on behind it if these are
 * the first bytes of the sender's content.
 */
export interface Target {
  /** Returns what is here: a part of the file, or the file. */
  part(): Promise<Blob>;
  /**
   * Keeps so many bytes of what is here, and returns a stream for those that follow. Its close puts the file in its place, and its abort
   * keeps what has come.
   */
  open(at: number): Promise<WritableStream<Uint8Array>>;
  /** Forgets what is here. */
  discard(): Promise<void>;
}

/** A target in memory, for files that are small or need not outlive the page. */
export class MemoryTarget implements Target {
  /** The file, once it is whole. */
  readonly blob: Blob | undefined;
  part(): Promise<Blob>;
  open(at: number): Promise<WritableStream<Uint8Array>>;
  discard(): Promise<void>;
}

/**
 * A target in the storage of the page's origin (the origin private file system), which outlives the page. A worker writes the file, so the
 * policy of the page must allow workers from where files.js is. It takes a secure context: https, or a server on the same machine.
 */
export class StoredTarget implements Target {
  /** name names the file in the storage. It is no path. Only one page of the origin receives a file of that name at a time. */
  constructor(name: string);
  readonly name: string;
  /** Returns the files and parts that are in the storage. */
  static list(): Promise<Stored[]>;
  /** Returns the file, or undefined if it is not whole. Its content stays in the storage until {@link StoredTarget.discard}. */
  file(): Promise<File | undefined>;
  part(): Promise<Blob>;
  open(at: number): Promise<WritableStream<Uint8Array>>;
  discard(): Promise<void>;
}

export interface Stored {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly whole: boolean;
}

/** How far a transfer is, in bytes: from ≤ done ≤ size. */
export interface Progress {
  /** Where this attempt has begun: what the receiver had before. */
  readonly from: number;
  /** What has been received, or has been sent and may still be on its way. */
  readonly done: number;
  /** undefined if the sender does not know it. */
  readonly size: number | undefined;
}

/** About a file that is in its place at the receiver. */
export interface Receipt {
  /** Bytes. */
  readonly size: number;
  /** Where the last attempt has begun, in bytes. If it is the size, all was there before. */
  readonly from: number;
  /** The SHA-256 of the whole, in hexadecimal. */
  readonly sha256: string;
}

export interface TransferOptions {
  /** Is told how far the transfer is: when it begins, at most ten times a second, and when all bytes are there. */
  onProgress?: (progress: Progress) => unknown;
  /** Ends the transfer when it aborts, which then rejects with its reason. What has come stays at the receiver. */
  signal?: AbortSignal;
}

export interface ReceiveOptions extends TransferOptions {
  /** How many bytes are taken. A bigger file fails with "too_big". 1 GiB unless set; Infinity for no bound. */
  maxSize?: number;
}

/**
 * Opens a stream to the handler of that name, sends a file over it, and resolves when the file is in its place at the server. arg is the
 * argument of the stream.
 *
 * If the connection is lost with its session, or the server cannot take the file now, upload tries again, from where the server was,
 * until the client has ended. It rejects with other errors at once: a {@link HisockError}, or the error of the source.
 */
export function upload(client: Client, name: string, arg: Sendable, source: Source, options?: TransferOptions): Promise<Receipt>;

/**
 * Opens a stream to the handler of that name, and resolves when the file that the handler sends is in its place in target. It tries again as
 * {@link upload} does. A WritableStream as target is written once, from the first byte, and closed when the checksum was right.
 */
export function download(
  client: Client,
  name: string,
  arg: Sendable,
  target: Target | WritableStream<Uint8Array>,
  options?: ReceiveOptions,
): Promise<Receipt>;

/** Does what {@link upload} does, over streams that the program has opened, and closes. */
export function send(streams: ByteStreams, source: Source, options?: TransferOptions): Promise<Receipt>;
/** Does what {@link download} does, over streams that the program has opened, and closes. */
export function receive(streams: ByteStreams, target: Target | WritableStream<Uint8Array>, options?: ReceiveOptions): Promise<Receipt>;
