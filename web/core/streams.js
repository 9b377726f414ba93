// In the place of streams.js: a page has no streams.

export class Stream {}
export const serve = () => {};
