// A worker that writes one file in the storage of the page's origin. It answers each message with an error or with undefined.
// Written bytes stay, whenever the worker ends.

const patience = 2000; // milliseconds: the worker of a page that the user has left may hold the file that long

/** The FileSystemSyncAccessHandle of the file. @type {any} */
let opened;
let at = 0; // bytes: the offset of the next write

/** @type {Promise<unknown>} */
let last = Promise.resolve();

onmessage = ({ data }) => {
  last = last.then(() => obey(data)).then(() => postMessage(undefined), (err) => postMessage(err));
};

/** @param {{ file?: any, at?: number, bytes?: Uint8Array, close?: true }} what */
async function obey(what) {
  if (what.file) {
    opened = await openFile(what.file);
    at = what.at ?? 0;
    await opened.truncate(at);
  } else if (what.bytes) {
    const { bytes } = what;
    for (let done = 0; done < bytes.length; ) {
      const n = opened.write(bytes.subarray(done), { at });
      if (n === 0) throw new DOMException("the storage takes no more", "QuotaExceededError");
      done += n;
      at += n;
    }
  } else {
    await opened.flush();
    await opened.close();
  }
}

/** @param {any} file */
async function openFile(file) {
  for (const end = Date.now() + patience; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    try {
      return await file.createSyncAccessHandle();
    } catch (err) {
      if (/** @type {Error} */ (err).name !== "NoModificationAllowedError" || Date.now() > end) throw err;
    }
  }
}

export {}; // makes this file a module
