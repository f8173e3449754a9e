package registry_test

import (
	"context"
	"fmt"

	"trackerfleet/registry"
)

type tracker struct{ name string }

func ExampleTable_Register() {
	reg := registry.New[string, *tracker]()
	first, second := &tracker{"first"}, &tracker{"second"}
	_, ok := reg.Register("txn_1", first)
	fmt.Println(ok)
	existing, ok := reg.Register("txn_1", second)
	fmt.Println(ok, existing.name)
	fmt.Println(reg.Unregister("txn_1", second))
	fmt.Println(reg.Unregister("txn_1", first))
	// Output:
	// true
	// false first
	// false
	// true
}

func ExampleTable_Update() {
	reg := registry.NewTable[string, *tracker, string]()
	own := &tracker{"own"}
	reg.RegisterValue("txn_1", own, "pending")
	status, err := reg.Update("txn_1", own, func(string) string { return "confirmed" })
	fmt.Println(status, err)
	_, err = reg.Update("txn_1", &tracker{"other"}, func(string) string { return "failed" })
	fmt.Println(err)
	// Output:
	// confirmed <nil>
	// registry: not the owner
}

func ExampleListener_Next() {
	reg := registry.New[string, *tracker]()
	listener := reg.Listen(1024)
	defer listener.Close()
	own := &tracker{"own"}
	reg.Register("txn_1", own)
	reg.Unregister("txn_1", own)
	events, _ := listener.Next(context.Background(), 0)
	for _, e := range events {
		fmt.Println(e.Seq, e.Kind, e.Key)
	}
	// Output:
	// 1 registered txn_1
	// 2 unregistered txn_1
}
