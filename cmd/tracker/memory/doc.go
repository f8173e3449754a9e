// Package memory keeps what the process takes from the system close to what it uses.
//
// Go's collector lets a heap double before it collects it again (GOGC=100): as a worker with a million idle trackers hardly allocates,
// half of its memory would never be used. So while little is allocated the collector is made to come earlier, which costs next to
// nothing then, and what a burst has left is given back to the system. While much is allocated, as when trackers start or are loaded,
// it comes as ever.
//
// What GOGC says is what stands: where it is set the collector is left alone. GOMEMLIMIT works beside all this.
package memory
