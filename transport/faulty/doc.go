// Package faulty gives connections the faults of real networks, for tests: it delays,
// dribbles, corrupts, stalls, ends and breaks off what a [transport.Conn] carries.
//
//	conn := faulty.Wrap(stream, faulty.Script{
//		faulty.Read(0, faulty.Dribble(3)),            // reads return at most 3 bytes
//		faulty.Read(40, faulty.Delay(time.Second)),   // from byte 40 on, each a second late
//		faulty.Write(1000, faulty.Cut()),             // byte 1000 never goes out
//	})
//
// [Dialer] and [Listener] do the same to every connection that another makes, and
// [Random] invents scripts, always the same ones for a seed:
//
//	d := faulty.Dialer(lis, faulty.Random(seed, &faulty.Plan{Delay: 0.5, Cut: 0.1}))
//
// A test that fails logs its script, or its seed and the number of the connection;
// [Parse] makes a script of what was logged. Positions count bytes and not calls, so
// that a script strikes the same place however reads and writes are cut up.
//
// # What it keeps of the stream
//
// A conn with faults is as good as the stream below it: it has deadlines, also for what
// waits because of a fault, Close unblocks everything, it starts no goroutine, and it
// works in a bubble of [testing/synctest]. It is a [transport.ReadyReader] and a
// [transport.Resetter] if the stream is one. With an empty script, and with Delay,
// Dribble and Stall for a time, it still passes the suite of
// [github.com/hisock/hisock/transport/transporttest]: those are streams that may happen.
//
// # Why it is a package of its own
//
// Package transport is in the browser build, where every import is paid for. This one
// imports what it likes and is for tests, natively and in the browser.
package faulty
