package serve

import (
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hisock/hisock/examples/bench/items"
)

// startGRPC starts a gRPC server with its default options. Its streams carry a message with one field of bytes,
// encoded as generated code would encode it.
func startGRPC() (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Bench", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{
			{StreamName: "Items", Handler: grpcItems, ServerStreams: true},
			{StreamName: "Bytes", Handler: grpcBytes, ServerStreams: true},
		},
	}, nil)
	go s.Serve(l)
	return l.Addr().String(), nil
}

func grpcItems(_ any, s grpc.ServerStream) error {
	var size wrapperspb.Int64Value
	if err := s.RecvMsg(&size); err != nil {
		return err
	}
	ring := items.NewRing(int(size.Value))
	for n := uint64(0); ; n++ {
		if err := s.SendMsg(wrapperspb.Bytes(ring.At(n))); err != nil {
			return err
		}
	}
}

func grpcBytes(_ any, s grpc.ServerStream) error {
	var n wrapperspb.Int64Value
	if err := s.RecvMsg(&n); err != nil {
		return err
	}
	r := items.NewReader(n.Value)
	b := make([]byte, 32<<10) // as much as io.Copy reads at once
	for {
		k, err := io.ReadFull(r, b)
		if k > 0 {
			if err := s.SendMsg(wrapperspb.Bytes(b[:k])); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}
