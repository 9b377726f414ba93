package faulty_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/faulty"
)

func ExampleWrap() {
	a, b := transport.Pipe()
	defer b.Close()
	conn := faulty.Wrap(a, faulty.Script{
		faulty.Write(1, faulty.Corrupt(5)), // bit 5 is the case of a letter
		faulty.Write(5, faulty.Cut()),
	})
	defer conn.Close()

	n, err := io.WriteString(conn, "hello, pipe")
	fmt.Println(n, err, errors.Is(err, faulty.ErrBroken))
	got, err := io.ReadAll(b)
	fmt.Printf("%s %v\n", got, err)
	// Output:
	// 5 faulty: broken off by the step write@5 cut true
	// hEllo <nil>
}

// Each connection of a test gets different faults. A test that runs again with the same seed gets
// the same faults.
func ExampleRandom() {
	lis := transport.NewPipeListener()
	defer lis.Close()
	const seed = 7 // log it
	scripts := faulty.Random(seed, &faulty.Plan{Delay: 0.5, Dribble: 0.5, Cut: 0.1})
	dialer := faulty.Dialer(lis, scripts) // give it to the code that is tested

	for n := range 2 {
		conn, err := dialer.Dial(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		fmt.Println(n, scripts(n))
	}
	// Output:
	// 0 read@13689 delay(2.695288ms), read@14322 dribble(1), write@1790 cut
	// 1 read@37044 dribble(15), write@13901 dribble(9)
}

// A script that a test has logged can be run again.
func ExampleParse() {
	script, err := faulty.Parse("read@0 dribble(3), write@1000 cut")
	fmt.Println(len(script), script, err)
	// Output: 2 read@0 dribble(3), write@1000 cut <nil>
}
