// Package files sends and receives files of any size over byte streams of package core. A transfer goes on where it was,
// also after a restart of either program, and a file gets its name only if its SHA-256 is right.
//
// A server that takes files into a folder, and gives them:
//
//	folder, err := files.OpenFolder("shared")
//	…
//	core.HandleByteStream(srv, "upload", func(ctx context.Context, c *core.Conn, name string, s *core.ByteStream) error {
//		to, err := folder.Create(name)
//		if err != nil {
//			return err
//		}
//		defer to.Close()
//		_, err = files.Receive(ctx, s, to, &files.Options{MaxSize: 10 << 30})
//		return err
//	})
//	core.HandleByteStream(srv, "download", func(ctx context.Context, c *core.Conn, name string, s *core.ByteStream) error {
//		from, err := folder.Open(name)
//		if err != nil {
//			return err
//		}
//		defer from.Close()
//		_, err = files.Send(ctx, s, from, nil)
//		return err
//	})
//
// Its clients:
//
//	from, err := files.Open("holiday.mp4")
//	…
//	receipt, err := files.Upload(ctx, client, "upload", "holiday.mp4", from, &files.Options{Progress: show})
//
//	to, err := files.Create("holiday.mp4")
//	…
//	receipt, err := files.Download(ctx, client, "download", "holiday.mp4", to, nil)
//
// A server can also open the stream to a [core.Conn]: then its client has the handler. The argument of the stream is the
// program's own. This package sends no names, and no name of a peer becomes a path unless the program makes it one.
// [Folder] refuses names that are paths, and never leaves its folder.
//
// # Going on
//
// A stream goes on over a resume of its connection. If the session is lost too, or a program was restarted, the
// receiver still has the file NAME.part. In the next transfer the receiver tells the number of its bytes and their
// SHA-256. If these are the first bytes of the sender's content, the sender goes on after them, and otherwise from the
// beginning. So only the content decides which bytes belong together, and nothing else is kept on disk. If the file
// itself exists with the same content, nothing is sent: a sender whose program ended before it knew that all bytes had
// arrived may simply send again.
//
// A part whose transfer never goes on stays in the folder. Its removal is up to the program.
//
// # Format
//
// A program in another language can be either end. Numbers are unsigned and in big-endian order. The sender begins:
//
//	sender    offer    4 B   "hsf" and the version, 1
//	                   1 B   flags: 1 if the sender can begin at any offset, else 0
//	                   3 B   0
//	                   8 B   size of the content in bytes, at most 2⁶³-1, or 2⁶⁴-1 if it is unknown
//	receiver  answer   8 B   number of bytes that the receiver has: at most the size; 0 if the sender cannot begin there
//	                  32 B   SHA-256 of these bytes
//	sender    start    8 B   offset of the first byte that is sent: the number in the answer, or 0
//	sender    chunk    4 B   length of the chunk in bytes, 1 to 2²⁰
//	                         the bytes
//	          …
//	sender    end      4 B   0
//	                  32 B   SHA-256 of the whole content, from offset 0
//	receiver  done     1 B   1: the content is in its place
//
// A receiver tells the number of its bytes before it hashes them, so that the sender hashes its own meanwhile. Content
// of unknown size begins at offset 0. A receiver ends the stream with an error if the sender breaks these rules
// ([core.CodeProtocol]), if the content has more bytes than the receiver takes ([core.CodeTooBig]), or if its checksum
// is another ([core.CodeBadPayload]).
package files
