// Package memory keeps what the process takes from the system close to what it uses.
//
// Go's collector lets a heap double before it collects it again (GOGC=100): as a worker with a million idle trackers hardly allocates,
// half of its memory would never be used. So while little is allocated the collector is made to come earlier, which costs next to
// nothing then, and what a burst has left is given back to the system. While much is allocated, as when trackers start or are loaded,
// it comes as ever.
//
// The collector is also told what the control group of the process, such as a container, allows it: near that it works harder, and
// the process is not killed.
//
// What GOGC and GOMEMLIMIT say is what stands: the one that is set is left alone.
package memory
