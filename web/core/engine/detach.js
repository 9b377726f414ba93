// In the place of detach.js: no session goes on in another page.

export const sessionBytes = () => 0;
export function detach() {}
export function unparkFor() {}
export function goOn() {}
export function handleInbox() {}
export const fits = () => false;
