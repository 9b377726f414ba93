// Files of any size between a page and a server, over streams of bytes. A transfer that breaks off goes on where it was, also after a reload
// of the page or a restart of the server. A file is in its place only if its SHA-256 is right. The server uses package core/files of Go.
//
//     import { connect } from "./hisock.js";
//     import { download, StoredTarget, upload } from "./files.js";
//
//     const client = await connect("/ws");
//     await upload(client, "upload", file.name, file, { onProgress: show });
//
//     const to = new StoredTarget("holiday.mp4");
//     await download(client, "download", "holiday.mp4", to, { onProgress: show });
//     link.href = URL.createObjectURL(await to.file());

import type { ByteStreams, Bytes, Client, Sendable } from "./hisock.d.ts";

/** The content that a sender sends. A Blob or a File can be read again, from any offset. A stream can be read once, and its size is not known. */
export type Source = Blob | ReadableStream<Bytes>;

/**
 * The place where a file is received. The received part stays if a transfer breaks off. The next transfer goes on after the part if the
 * sender's content begins with the same bytes.
 */
export interface Target {
  /** Returns the received part of the file, or the whole file. */
  part(): Promise<Blob>;
  /**
   * Keeps the first at bytes of the received part, and returns a stream for the bytes that follow. The stream's close puts the file in its
   * place. The stream's abort keeps the received part.
   */
  open(at: number): Promise<WritableStream<Uint8Array>>;
  /** Drops the received part, or the whole file. */
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
 * policy of the page must allow workers from the origin of files.js. The page must be a secure context: https, or a server on the same
 * machine.
 */
export class StoredTarget implements Target {
  /** name names the file in the storage, and is not a path. Only one page of the origin can receive a file of that name at a time. */
  constructor(name: string);
  readonly name: string;
  /** Returns the files and the parts of files in the storage. */
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

/** The progress of a transfer, in bytes: from ≤ done ≤ size. */
export interface Progress {
  /** The size of the part that the receiver had when this attempt began. */
  readonly from: number;
  /** The received bytes, or the sent bytes, which may still be on their way. */
  readonly done: number;
  /** The size of the file, or undefined if the sender does not know it. */
  readonly size: number | undefined;
}

/** A Receipt describes a file that is in its place at the receiver. */
export interface Receipt {
  /** Bytes. */
  readonly size: number;
  /** The offset at which the last attempt began, in bytes. It is the size if the receiver had the whole file before. */
  readonly from: number;
  /** The SHA-256 of the whole file, in hexadecimal. */
  readonly sha256: string;
}

export interface TransferOptions {
  /** Is called with the progress: when the transfer begins, at most ten times a second, and when all bytes are there. */
  onProgress?: (progress: Progress) => unknown;
  /** Ends the transfer when it aborts: the promise rejects with the signal's reason. The received part stays at the receiver. */
  signal?: AbortSignal;
}

export interface ReceiveOptions extends TransferOptions {
  /** The greatest size of a file, in bytes. A bigger file fails with "too_big". 1 GiB unless set; Infinity for no bound. */
  maxSize?: number;
}

/**
 * Opens a stream to the handler of that name, sends a file over the stream, and resolves once the file is in its place at the server. arg is
 * the argument of the stream.
 *
 * If the connection is lost with its session, or the server cannot take the file now, upload tries again after the part that the server has,
 * until the client has ended. It rejects with any other error at once: a {@link HisockError}, or the error of the source.
 */
export function upload(client: Client, name: string, arg: Sendable, source: Source, options?: TransferOptions): Promise<Receipt>;

/**
 * Opens a stream to the handler of that name, and resolves once the file that the handler sends is in its place in target. It tries again as
 * {@link upload} does. A WritableStream as target is written once, from the first byte, and closed once the checksum was right.
 */
export function download(
  client: Client,
  name: string,
  arg: Sendable,
  target: Target | WritableStream<Uint8Array>,
  options?: ReceiveOptions,
): Promise<Receipt>;

/** Sends a file as {@link upload} does, but once, over streams that the program opens and closes. */
export function send(streams: ByteStreams, source: Source, options?: TransferOptions): Promise<Receipt>;
/** Receives a file as {@link download} does, but once, over streams that the program opens and closes. */
export function receive(streams: ByteStreams, target: Target | WritableStream<Uint8Array>, options?: ReceiveOptions): Promise<Receipt>;
