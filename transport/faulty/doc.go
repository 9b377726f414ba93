// Package faulty gives connections the faults of real networks, for tests: it delays, splits,
// corrupts, stalls, ends and breaks off the bytes of a [transport.Conn].
//
//	conn := faulty.Wrap(stream, faulty.Script{
//		faulty.Read(0, faulty.Dribble(3)),            // reads return at most 3 bytes
//		faulty.Read(40, faulty.Delay(time.Second)),   // from byte 40 on, each read is a second late
//		faulty.Write(1000, faulty.Cut()),             // byte 1000 is never written
//	})
//
// [Dialer] and [Listener] do the same for every connection of another dialer or listener.
// [Random] makes scripts from a seed, always the same scripts for the same seed:
//
//	d := faulty.Dialer(lis, faulty.Random(seed, &faulty.Plan{Delay: 0.5, Cut: 0.1}))
//
// A failing test can log its script, or its seed and the number of the connection.
// [Parse] makes a script from the logged text. Positions count bytes and not calls, so
// a script strikes at the same byte however reads and writes are split.
//
// # Promises of the stream that hold
//
// A Conn with faults keeps the promises of the stream below it. Deadlines hold, also for waits
// because of a fault. Close unblocks everything. It starts no goroutine, and
// works in a bubble of [testing/synctest]. It is a [transport.ReadyReader] or a
// [transport.Resetter] if the stream is one. With an empty script, and with Delay,
// Dribble and a Stall for a time, it passes the suite of
// [github.com/hisock/hisock/transport/transporttest], because a correct stream may behave so.
//
// # Why it is a separate package
//
// Package transport is in the browser build, where every import makes the build larger. Package faulty
// is for tests, natively and in the browser, and may import more.
package faulty
